// AuditRecord: one leaf of the log, as a value. Its bytes are canonical JSON (RFC 8785); docs/formats/record.md says each
// member, in order, with examples. Nothing a client typed stands here in plain: configured names, closed enums and numbers do.
//
// Units: times are unix microseconds, durations microseconds, sizes bytes.
// Range: whole numbers are 0 … 2^53 − 1 unless said otherwise; Encode writes one outside as the nearest bound, so that an
//        upstream's nonsense cannot stop a server. Strings are UTF-8; Encode writes U+FFFD for a byte that is none.
// Size:  at most kRecordBytesMax encoded.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "record/host_records.h"

namespace beleg::record {

constexpr size_t kRecordBytesMax = 16 << 10;

enum class Operation { kChat, kTextCompletion };  // "chat", "text_completion"
enum class Outcome { kOk, kFailed, kCancelled };  // "ok", "failed", "cancelled"

// Why a request was turned away before it ran, or failed; `error.type` on its span. Closed: grows with the schema version.
enum class ErrorType {
  kNone,            // ""
  kInvalidRequest,  // "invalid_request": JSON, types, ranges
  kModelNotFound,   // "model_not_found"
  kContextLength,   // "context_length_exceeded"
  kTooLarge,        // "request_too_large"
  kRateLimited,     // "rate_limited": queue full
  kForbidden,       // "forbidden"
  kEngine,          // "engine_error"
  kTimeout,         // "timeout"
  kClientGone,      // "client_disconnected"
  kShutdown,        // "server_shutdown"
  kUpstream,        // "upstream_error"
};

std::string_view Name(Operation operation);
std::string_view Name(Outcome outcome);
std::string_view Name(ErrorType type);

// What every record of one request says about who and which.
struct RequestIdentity {
  uint64_t seq = 0;         // dense within a boot, from 1, given at begin
  uint64_t boot_index = 0;  // leaf of this boot's Boot record
  TraceId trace_id;
  SpanId parent_span_id;  // from the client's traceparent; zero: none
  Operation operation = Operation::kChat;
  std::string caller;  // configured name of the API key; "anonymous" without keys
  bool operator==(const RequestIdentity&) const = default;
};

struct Params {
  int64_t max_tokens = 0;
  double temperature = 1.0;
  double top_p = 1.0;
  int64_t top_k = 0;  // 0: off; may be negative
  double presence_penalty = 0, frequency_penalty = 0;
  std::optional<int64_t> seed;  // of the whole int64 range
  int64_t choices = 1;          // `n`
  int64_t stop_count = 0;
  bool stream = false;
  std::vector<std::string> ignored;  // known fields that had no effect, from a closed list
  int64_t unknown_fields = 0;
  bool operator==(const Params&) const = default;
};

// Commitment to everything the client sent and got (record/commitment.h).
struct Commitment {
  Hash32 root{};
  int64_t items = 0;
  bool operator==(const Commitment&) const = default;
};

// "request": it ran, and this is how it ended
struct Request {
  RequestIdentity id;
  std::string model;         // served name
  uint64_t model_index = 0;  // leaf of its Model record
  Params params;
  Outcome outcome = Outcome::kOk;
  ErrorType error = ErrorType::kNone;
  int64_t status = 200;                     // HTTP status sent; 499: the client left before one was
  std::vector<std::string> finish_reasons;  // one a choice: "stop", "length", "error"
  int64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
  int64_t start_us = 0;                                    // request read
  int64_t duration_us = 0;                                 // until the record was made, monotonic
  int64_t queue_us = -1, prefill_us = -1, decode_us = -1;  // -1: phase not reached
  Commitment commitment;
  bool operator==(const Request&) const = default;
};

// "refused": answered with an error before it ran
struct Refused {
  RequestIdentity id;
  int64_t status = 400;
  ErrorType error = ErrorType::kInvalidRequest;
  int64_t start_us = 0;
  int64_t body_bytes = 0;
  Commitment commitment;
  bool operator==(const Refused&) const = default;
};

// "lost": begun, and the process ended before its end was recorded
struct Lost {
  RequestIdentity id;
  BootId begun_boot;  // the boot that began it; the record's own boot is the one that found it
  int64_t start_us = 0;
  bool operator==(const Lost&) const = default;
};

// "boot": first record of a start
struct Boot {
  std::string version;       // of beleg
  std::string build;         // git commit or "unknown"
  std::string service_name;  // service.name of spans
  std::string region;        // "" : not configured
  std::string environment;   // deployment.environment
  std::string host;          // pseudonym of the host: random, made with the log
  std::string audit;         // "closed", "open"
  std::string clock_source;  // "system"
  std::optional<BootId> previous_boot;
  bool previous_clean = false;  // it wrote a shutdown record
  int64_t lost_requests = 0;    // lost records that follow this one, unless the process dies before them
  bool operator==(const Boot&) const = default;
};

// Since the boot. accepted = answered + failed + cancelled + open; each seq given is one of these, or refused, or no_room.
struct Counters {
  int64_t accepted = 0;  // begun
  int64_t answered = 0;  // outcome ok
  int64_t failed = 0, cancelled = 0, refused = 0;
  int64_t unauthenticated = 0;  // 401
  int64_t unreadable = 0;       // heads that were no HTTP
  int64_t unknown_path = 0;     // 404, 405 of no inference route
  int64_t no_room = 0;          // 503 because the ledger takes nothing
  bool operator==(const Counters&) const = default;
};

// "shutdown": last record of an orderly end
struct Shutdown {
  std::string reason;  // "signal", "error"
  Counters counters;
  uint64_t highest_seq = 0;
  bool operator==(const Shutdown&) const = default;
};

// "heartbeat": at most 1 s apart while requests are open or finished
struct Heartbeat {
  Counters counters;
  uint64_t highest_seq = 0;  // begun so far
  int64_t open_requests = 0;
  // SHA-256 over the open seqs, ascending, 8 bytes big-endian each; zeros: none is open.
  Hash32 open_digest{};
  std::string clock_source;
  int64_t clock_error_us = -1;  // -1: unknown
  bool operator==(const Heartbeat&) const = default;
};

// "model": loaded and from now on served
struct Model {
  std::string name, file;
  // Zeros: there is none, or it is not ours to read (upstream).
  Hash32 weights_sha256{}, tokenizer_sha256{}, chat_template_sha256{};
  int64_t weights_bytes = 0;
  std::string engine, engine_version;
  int64_t context_tokens = 0, parameters = 0;  // 0: unknown
  bool operator==(const Model&) const = default;
};

// "config": the settings in force, secrets left out
struct Config {
  // Names are printable ASCII without space, quote or backslash (CHECK).
  std::map<std::string, std::string> settings;
  bool operator==(const Config&) const = default;
};

// "key": the log's public key
struct Key {
  std::string vkey;        // signed-note verifier key (C2SP)
  std::string reason;      // "inception", "rotation"
  std::string replaces{};  // the verifier key before it; "": it is the first
  bool operator==(const Key&) const = default;
};

// "unrecorded": requests that a server with audit mode "open" answered while the log took nothing; written as soon as it does
struct Unrecorded {
  int64_t requests = 0;
  uint64_t first_seq = 0, last_seq = 0;  // among these; others in between may have a record
  int64_t first_us = 0;                  // when the first of them was read
  std::string error;                     // what kept the log from taking records: "RESOURCE_EXHAUSTED", …
  bool operator==(const Unrecorded&) const = default;
};

using Body = std::variant<Request, Refused, Lost, Boot, Shutdown, Heartbeat, Model, Config, Key, Unrecorded,
                          ReadAccess, Prune, Hold, Erasure, Reconcile, Review>;

struct AuditRecord {
  BootId boot;          // the process that wrote it
  int64_t time_us = 0;  // when it was made
  Body body;
  bool operator==(const AuditRecord&) const = default;
};

// "request", "refused", …
std::string_view TypeName(const Body& body);

// The canonical bytes. CHECK: within kRecordBytesMax, doubles finite (callers bound every string they put in).
// Cost: about 1 µs and one allocation for a Request.
std::string Encode(const AuditRecord& record);

// Reads the canonical bytes of schema version 1; Encode of the answer is those bytes again.
// kInvalidArgument names the member ("params.top_k: …"); kUnimplemented for a newer version or an unknown type; kDataLoss when
// the bytes are not in canonical form.
// Cost: about 3 µs for a Request.
Result<AuditRecord> Decode(std::string_view bytes);

// The request's identity of Request, Refused and Lost, else nullptr.
const RequestIdentity* IdentityOf(const AuditRecord& record);

// The boot whose seq the identity counts in: Lost's begun_boot, else the record's.
BootId BootOfRequest(const AuditRecord& record);

}  // namespace beleg::record
