// Witnessing: asks witnesses, and the mirror, to cosign each checkpoint of our log.
//
// Shape:   one thread a witness; each takes the newest published checkpoint, proves that it continues what the witness has, and puts
//          the cosignature among the CosignedCheckpoints. An idle log's checkpoint is cosigned anew from time to time.
// Order:   nothing waits for it but MirrorAck; a checkpoint is published bare, whatever witnesses do.
// Errors:  retried with back-off. A witness that has seen a larger tree than ours, or refuses our history, is a finding: the log was
//          restored from a copy, or rewritten. At Open that refuses the start; later it is told by Status, log and metrics.
// Threads: one a witness. Status from any.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "ledger/ledger.h"
#include "serve/cosigned_checkpoints.h"
#include "wire/json.h"
#include "witness/client.h"

namespace beleg::serve {

struct WitnessingOptions {
  std::vector<witness::WitnessAddress> witnesses;
  std::optional<witness::WitnessAddress> mirror;
  bool mirror_required = false;               // a mirror that cannot be asked at Open refuses the start too
  std::string ledger_dir{};                   // for the message
  std::chrono::milliseconds timeout{15'000};  // of one submission; a mirror copies meanwhile
  std::chrono::milliseconds start_timeout{2'000};  // of each at Open
  std::chrono::milliseconds backoff_min{500}, backoff_max{30'000};
  std::chrono::seconds renew_after{600};  // age of the newest cosignature of a log that does not grow
  std::function<void(uint64_t size)> on_mirrored{};  // the mirror has that many leaves, synced
  MetricRegistry* metrics = nullptr;
};

class Witnessing {
 public:
  // Submits the checkpoint that is there to each of them, so before anything is appended to a log that was restored from an old copy
  // it shows: kFailedPrecondition then. Ledger and cosigned outlive it.
  static Result<std::unique_ptr<Witnessing>> Open(WitnessingOptions options, ledger::Ledger& ledger,
                                                  CosignedCheckpoints& cosigned);
  ~Witnessing();  // Stop

  // From here on every checkpoint is submitted.
  void Start();
  // Waits until all witnesses that answer have cosigned a checkpoint of so many leaves, or the time is over.
  void WaitFor(uint64_t size, std::chrono::milliseconds limit);
  void Stop();

  // False while the mirror's last answer was none, or a refusal; true without a mirror.
  bool IsMirrorWell() const;

  // {"witnesses": [{"name", "url", "mirror", "independent", "size", "cosigned_unix_s", "problem"}], "independent_witness": seconds or null}
  wire::Json Status() const;

 private:
  class Link;
  Witnessing() = default;
  std::vector<std::unique_ptr<Link>> links_;
};

// True for a witness that another machine runs, as far as its address says: a name or number that is not this host's loopback.
bool IsIndependent(const std::string& url);

}  // namespace beleg::serve
