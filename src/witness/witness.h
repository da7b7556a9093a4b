// Witness: remembers the largest checkpoint of each log it knows and cosigns only what continues it.
//
// Shape:   HTTP requests in, answers out: POST /add-checkpoint and GET /<origin hash>/checkpoint of C2SP tlog-witness, and
//          GET / (key and logs, text), /health, /metrics. State: docs/formats/witness.md, "A witness's folder".
// Order:   submissions of one log are judged one after the other; a cosignature of a larger tree leaves after its state is synced.
// Errors:  statuses of the specification (witness/submission.h); 429 for too many; 503 when the disk has no room. A failed sync or
//          EIO is fatal (ADR 0004): nobody knows then what a restart would remember.
// Threads: any; Handle blocks for one durable write when a tree has grown.
// Cost:    two Ed25519 operations and two fsyncs a cosignature.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/metrics.h"
#include "io/file.h"
#include "net/http.h"
#include "witness/cosigner.h"
#include "witness/known_logs.h"
#include "witness/submission.h"

namespace beleg::witness {

struct WitnessOptions {
  std::string dir;
  KnownLogs logs;
  // Signed submissions of one log a second, and how many at once after a pause.
  double rate_per_s = 50, burst = 100;
  std::function<void(const Error&)> on_fatal{};  // empty: says so and ends the process with 74
  io::FileSystem* fs = nullptr;                  // null: the real one
  const Clock* clock = nullptr;                  // null: the real one
  MetricRegistry* metrics = nullptr;             // null: none
};

class Witness {
 public:
  // Locks the folder and reads what was cosigned before. kDataLoss: a state that is damaged or not cosigned by this key; the
  // witness must not start then, since it would forget. The cosigner outlives it.
  static Result<std::unique_ptr<Witness>> Open(WitnessOptions options, const Cosigner& cosigner);
  ~Witness();

  net::HttpResponse Handle(const net::HttpRequest& request);

 private:
  struct Log;
  Witness(WitnessOptions options, const Cosigner& cosigner);
  Result<void> OpenLog(const std::string& origin, const std::vector<verify::VerifierKey>& keys);
  net::HttpResponse AddCheckpoint(std::string_view body);
  net::HttpResponse Cosign(Log& log, const Submission& submission);
  net::HttpResponse CheckpointOf(std::string_view path) const;
  std::string Describe() const;
  void KeepEvidence(const std::string& folder, const Submission& submission, const Refusal& refusal);
  // 503 when it may heal; else fatal.
  net::HttpResponse DiskFailed(const Error& error);
  void Count(std::string_view origin, int status);

  const WitnessOptions options_;
  const Cosigner& cosigner_;
  const SystemClock system_clock_;
  io::FileSystem& fs_;
  const Clock& clock_;
  std::unique_ptr<io::FolderLock> lock_;
  std::map<std::string, std::unique_ptr<Log>>
      logs_;  // by origin hash; the map itself never changes after Open
};

}  // namespace beleg::witness
