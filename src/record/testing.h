// Records for tests: one of each type as servers write them.
#pragma once

#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "record/audit_record.h"
#include "record/audit_sink.h"

namespace beleg::record {

// Bytes first, first + 1, …: recognisable in a dump.
template <class Bytes>
Bytes CountingBytes(uint8_t first) {
  Bytes bytes;
  std::iota(bytes.begin(), bytes.end(), first);
  return bytes;
}

inline BootId SampleBoot() { return {CountingBytes<std::array<uint8_t, 8>>(0xb0)}; }

inline RequestIdentity SampleIdentity() {
  return {.seq = 48'213,
          .boot_index = 1'204'511,
          .trace_id = {CountingBytes<std::array<uint8_t, 16>>(0x01)},
          .parent_span_id = {},
          .operation = Operation::kChat,
          .caller = "anonymous"};
}

// A typical record of a finished chat request.
inline Request SampleRequest() {
  Request request;
  request.id = SampleIdentity();
  request.model = "smollm2-135m-instruct";
  request.model_index = 1'204'513;
  request.params.max_tokens = 256;
  request.params.temperature = 0.7;
  request.params.top_p = 0.95;
  request.params.stream = true;
  request.finish_reasons = {"stop"};
  request.input_tokens = 312;
  request.output_tokens = 128;
  request.cached_tokens = 256;
  request.start_us = 1'795'500'000'000'000;
  request.duration_us = 2'113'406;
  request.queue_us = 212;
  request.prefill_us = 80'641;
  request.decode_us = 2'032'190;
  request.commitment = {CountingBytes<Hash32>(0xc0), 4};
  return request;
}

// Every optional member is there.
inline Request FullRequest() {
  Request request = SampleRequest();
  request.id.parent_span_id = {CountingBytes<std::array<uint8_t, 8>>(0xf0)};
  request.id.operation = Operation::kTextCompletion;
  request.id.caller = "team-a";
  request.params.top_k = -1;
  request.params.presence_penalty = 0.5;
  request.params.frequency_penalty = -1.25;
  request.params.seed = 42;
  request.params.choices = 2;
  request.params.stop_count = 3;
  request.params.ignored = {"logit_bias", "user"};
  request.params.unknown_fields = 1;
  request.outcome = Outcome::kCancelled;
  request.error = ErrorType::kClientGone;
  request.finish_reasons = {"stop", "error"};
  return request;
}

inline AuditRecord SampleRecord(Body body) { return {SampleBoot(), 1'795'500'002'113'406, std::move(body)}; }

inline Counters SampleCounters() {
  return {.accepted = 48'143,
          .answered = 48'100,
          .failed = 2,
          .cancelled = 37,
          .refused = 70,
          .unauthenticated = 5,
          .unreadable = 1,
          .unknown_path = 12,
          .no_room = 3};
}

// The same server when the four open requests have ended.
inline Counters LastCounters() {
  Counters counters = SampleCounters();
  counters.answered += 4;
  return counters;
}

// The other kind of hold than the one of SampleHostBodies.
inline Hold HoldOfRequest() {
  return {.name = "case-18",
          .action = "released",
          .origin = "beleg-5f1d9c02a7e4b836",
          .first_index = 65'540,
          .end_index = 65'541,
          .request_id = {CountingBytes<std::array<uint8_t, 16>>(0x70)},
          .items = 1};
}

// One of each type of the audit host's own log, and what a server says after a time without a log.
inline std::vector<Body> SampleHostBodies() {
  return {
      Unrecorded{.requests = 12,
                 .first_seq = 48'214,
                 .last_seq = 48'226,
                 .first_us = 1'795'500'001'000'000,
                 .error = "RESOURCE_EXHAUSTED"},
      ReadAccess{.reader = "auditor", .what = "records", .requests = 7, .first_us = 1'795'500'001'000'000},
      Prune{.origin = "beleg-5f1d9c02a7e4b836",
            .ground = "retention",
            .first_index = 65'536,
            .end_index = 131'072,
            .before_us = 1'779'600'000'000'000,
            .items = 65'536,
            .bytes = 6'291'456},
      Hold{.name = "case-17",
           .action = "set",
           .origin = "beleg-5f1d9c02a7e4b836",
           .from_us = 1'795'400'000'000'000,
           .to_us = 1'795'500'000'000'000,
           .items = 1'893},
      Erasure{.ground = "request",
              .origin = "beleg-5f1d9c02a7e4b836",
              .request_id = {CountingBytes<std::array<uint8_t, 16>>(0x70)},
              .items = 1,
              .destroyed = {"content", "secret"},
              .kept = {"ids", "sizes", "outcome", "hashes"}},
      Reconcile{.origin = "beleg-5f1d9c02a7e4b836",
                .size = 1'252'740,
                .root = CountingBytes<Hash32>(0xe0),
                .requests = 48'213,
                .spans = 48'209,
                .receipts = 120,
                .resent = 4,
                .gaps = {.log_damage = 1,
                         .seq_holes = 2,
                         .counters = 1,
                         .metrics = 1,
                         .records_not_stored = 3,
                         .records_without_span = 4,
                         .spans_without_record = 1,
                         .receipts_without_record = 1}},
      Review{.reviewer = "dpo",
             .subject = "reconcile",
             .verdict = "ok",
             .from_us = 1'795'400'000'000'000,
             .to_us = 1'795'500'000'000'000,
             .note_sha256 = CountingBytes<Hash32>(0x90)}};
}

// One of each type, in the order of Body.
inline std::vector<AuditRecord> SampleRecords() {
  RequestIdentity identity = SampleIdentity();
  Boot boot{.version = "0.1.0",
            .build = "6005e86",
            .service_name = "vllm",
            .region = "hetzner-nbg1-eu",
            .environment = "production",
            .host = "h-5f1d9c02a7e4b836",
            .audit = "closed",
            .clock_source = "system",
            .previous_boot = BootId{CountingBytes<std::array<uint8_t, 8>>(0xa0)},
            .previous_clean = false,
            .lost_requests = 1};
  Heartbeat heartbeat{.counters = SampleCounters(),
                      .highest_seq = 48'213,
                      .open_requests = 4,
                      .open_digest = CountingBytes<Hash32>(0xd0),
                      .clock_source = "system",
                      .clock_error_us = 850};
  Model model{.name = "smollm2-135m-instruct",
              .file = "SmolLM2-135M-Instruct-Q8_0.gguf",
              .weights_sha256 = CountingBytes<Hash32>(0x10),
              .tokenizer_sha256 = CountingBytes<Hash32>(0x30),
              .chat_template_sha256 = CountingBytes<Hash32>(0x50),
              .weights_bytes = 144'811'456,
              .engine = "llama.cpp",
              .engine_version = "0.5.0",
              .context_tokens = 8'192,
              .parameters = 134'515'008};
  Config config{{{"listen", "127.0.0.1:8000"}, {"max_num_seqs", "16"}, {"semconv", "dup"}}};
  Key key{.vkey = "beleg-5f1d9c02a7e4b836+a6dde33c+AXBxcnN0dXZ3eHl6e3x9fn+AgYKDhIWGh4iJiouMjY6P",
          .reason = "rotation",
          .replaces = "beleg-5f1d9c02a7e4b836+051d2712+AZCRkpOUlZaXmJmam5ydnp+goaKjpKWmp6ipqqusra6v"};
  Refused refused{.id = identity,
                  .status = 404,
                  .error = ErrorType::kModelNotFound,
                  .start_us = 1'795'500'002'110'000,
                  .body_bytes = 1'893,
                  .commitment = {CountingBytes<Hash32>(0xc0), 2}};
  Lost lost{.id = identity,
            .begun_boot = BootId{CountingBytes<std::array<uint8_t, 8>>(0xa0)},
            .start_us = 1'795'400'000'000'000};
  std::vector<AuditRecord> records;
  for (Body body :
       std::initializer_list<Body>{SampleRequest(), refused, lost, boot,
                                   Shutdown{"signal", LastCounters(), 48'213}, heartbeat, model, config, key})
    records.push_back(SampleRecord(std::move(body)));
  for (Body& body : SampleHostBodies()) records.push_back(SampleRecord(std::move(body)));
  return records;
}

// An audit host's own log that remembers. Threads: one.
class RecordingSink final : public AuditSink {
 public:
  Result<uint64_t> Append(Body body) override {
    if (full) return Fail(ErrorCode::kResourceExhausted, "no room");
    bodies.push_back(std::move(body));
    return bodies.size() - 1;
  }
  void CountRead(std::string_view reader, std::string_view what) override {
    reads.emplace_back(reader, what);
  }
  // What was appended since the last call.
  std::vector<Body> Take() { return std::exchange(bodies, {}); }

  std::vector<Body> bodies;
  std::vector<std::pair<std::string, std::string>> reads;
  bool full = false;
};

}  // namespace beleg::record
