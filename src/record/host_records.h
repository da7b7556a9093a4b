// Records of the audit host's own log: who looked, what was removed, kept, found. record/audit_record.h has what they share with
// all records, docs/formats/record.md each member.
//
// An operator's words stand here in plain (names of holds, grounds, reviewers): they are that operator's own evidence.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"

namespace beleg::record {

// "read": somebody looked at records or spans. One record a reader and kind of thing, at most one a minute.
struct ReadAccess {
  std::string reader;    // configured name of the key; "anonymous" without keys
  std::string what;      // "records", "record", "spans", "trace", "sql"
  int64_t requests = 0;  // in which it did
  int64_t first_us = 0;  // the first of them; time_us is when it was written
  bool operator==(const ReadAccess&) const = default;
};

// "prune": what a retention rule, a full disk or an operator removed
struct Prune {
  std::string origin;                       // the log whose leaves went; "": spans of others
  std::string ground;                       // "retention", "disk_budget", or as configured
  uint64_t first_index = 0, end_index = 0;  // leaves [first, end)
  int64_t before_us = 0;                    // everything before this time; 0: not by time
  int64_t items = 0, bytes = 0;             // how much it was
  bool operator==(const Prune&) const = default;
};

// "hold": records that no prune may take, by order
struct Hold {
  std::string name;
  std::string action;                       // "set", "released"
  std::string origin;                       // "": of all logs
  int64_t from_us = 0, to_us = 0;           // when they were made; 0: no such limit
  uint64_t first_index = 0, end_index = 0;  // leaves [first, end); 0: no such limit
  RequestId request_id{};                   // zeros: of more than one request
  int64_t items = 0;                        // held by it
  bool operator==(const Hold&) const = default;
};

// "erasure": content of one or more requests destroyed for good
struct Erasure {
  std::string ground;  // "request", "retention", or as configured
  std::string origin;
  RequestId request_id;                // zeros: of more than one request
  int64_t items = 0;                   // erased
  std::vector<std::string> destroyed;  // what went: "content", "secret", "pseudonym", "spans"
  std::vector<std::string> kept;  // what stays, because proofs need it: "ids", "sizes", "outcome", "hashes"
  bool operator==(const Erasure&) const = default;
};

// What a reconciliation found, by kind; each is a count.
struct Gaps {
  int64_t log_damage = 0;            // entries, tiles or root that are not what was signed
  int64_t seq_holes = 0;             // requests begun by number, and neither recorded nor explained
  int64_t counters = 0;              // heartbeat counters that records contradict
  int64_t metrics = 0;               // totals of /metrics that records contradict
  int64_t records_not_stored = 0;    // that the store lacks
  int64_t records_without_span = 0;  // whose server span it lacks
  int64_t spans_without_record = 0;  // that name a leaf which is none, or say other than their leaf
  int64_t receipts_without_record = 0;
  bool operator==(const Gaps&) const = default;
};

// "reconcile": records, counters, metrics, receipts and spans compared with each other
struct Reconcile {
  std::string origin;  // of the log that was compared
  uint64_t size = 0;   // and the checkpoint under which
  Hash32 root{};
  int64_t requests = 0, spans = 0,
          receipts = 0;  // compared: request records, server spans, receipts of clients
  int64_t resent = 0;    // records whose spans were sent to the store again
  Gaps gaps;             // all zero: they agree
  bool operator==(const Reconcile&) const = default;
};

// "review": a person looked at the log's findings and says so
struct Review {
  std::string reviewer;
  std::string subject;  // what was looked at: "reconcile", "requests", or as configured
  std::string verdict;  // "ok", "findings"
  int64_t from_us = 0, to_us = 0;
  Hash32 note_sha256{};  // of a note kept elsewhere; zeros: none
  bool operator==(const Review&) const = default;
};

}  // namespace beleg::record
