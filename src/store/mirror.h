// Mirror: this host's own verified copy of a ledger, pulled over HTTP (C2SP tlog-tiles), which it cosigns (C2SP tlog-witness).
//
// Shape:   polls the checkpoint; checks its signature and that it is consistent with the last one; fetches new bundles and tiles and
//          checks every hash against the checkpoint; syncs them; hands new records to the store; then the checkpoint is kept, with this
//          mirror's cosignature: all of it is here, durable, and continues what was here before. One that the log submits is taken
//          the same way, at once.
//          Answers records and proofs from its own copy, whatever the inference host says now.
// Keys:    a log that changes its key is followed (verify/key_chain.h): the proofs of that are copied, the pin stays the first key.
// Errors:  a rewritten or shrunk history is never taken over: state() says so until an operator acts.
// Threads: one of its own, and one that compresses what is old; Refresh and reads from any.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "net/http.h"
#include "store/store.h"
#include "verify/tiles.h"
#include "witness/cosigner.h"
#include "witness/submission.h"

namespace beleg::store {

struct MirrorOptions {
  std::string dir;    // DATA/mirror
  std::string url;    // of the ledger, e.g. http://127.0.0.1:8001
  std::string token;  // bearer; "": none
  std::string vkey;   // "": trust the one served at first contact, pin it in dir/vkey, and compare ever after
  std::chrono::milliseconds poll_interval{500};
  std::chrono::seconds silence_limit{300};      // a log that has not grown for so long is an alarm
  const witness::Cosigner* cosigner = nullptr;  // null: nothing is cosigned
  const Clock* clock = nullptr;                 // null: the host's
  bool compress_closed_days = false;  // full bundles of this copy whose day (UTC) is over (ADR 0010)
  DiskFailure on_fatal{};
  io::FileSystem* fs = nullptr;
  MetricRegistry* metrics = nullptr;
};

struct MirrorState {
  std::string url, origin, vkey;
  std::vector<std::string> other_vkeys{};  // of the log too: it changed its key
  uint64_t size = 0;                       // of the newest checkpoint that was verified and synced
  std::string problem;                     // "" or what is wrong, in words
  bool diverged = false;                   // the log was rewritten: needs an operator
  int64_t last_contact_unix_us = 0;
  int64_t grew_unix_us = 0;     // when the copy grew last; before the first time: when it was opened
  bool silent = false;          // not grown for longer than silence_limit
  int64_t cosigned_unix_s = 0;  // of the newest cosignature of this mirror; 0: none yet
};

class Mirror {
 public:
  static Result<std::unique_ptr<Mirror>> Open(MirrorOptions options, Store& store);
  virtual ~Mirror() = default;

  virtual MirrorState state() const = 0;
  // Asks the ledger for everything durable by now (GET /audit/tip, which makes a checkpoint cover it), and waits until the store has
  // it or the time is over. Concurrent callers share one round.
  virtual Result<void> Refresh(std::chrono::milliseconds limit) = 0;

  // Judges a checkpoint of this log that somebody submitted: copies what it covers, syncs, and answers with the cosignature, or as
  // C2SP tlog-witness refuses. 503 when that takes longer than the limit.
  virtual net::HttpResponse AddCheckpoint(witness::Submission submission,
                                          std::chrono::milliseconds limit) = 0;

  // From this copy.
  virtual Result<std::string> Entry(uint64_t index) = 0;
  virtual Result<std::string> Proof(uint64_t index) = 0;                // C2SP tlog-proof
  virtual Result<std::string> ReadResource(std::string_view path) = 0;  // "checkpoint", "tile/…", "keys/…"
  virtual void Close() = 0;
};

}  // namespace beleg::store
