// What a log says about evidence that was kept: did the promised record come, is the leaf still that leaf, does the log still
// begin with the tree of that checkpoint.
//
// The log may have been written anew with its own key, so its word alone decides nothing: a receipt and a checkpoint that
// contradict each other are both signed by it, and together they are the proof.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "audit/log_scan.h"
#include "audit/verdict.h"
#include "base/clock.h"
#include "verify/proof.h"
#include "verify/receipt.h"

namespace beleg::audit {

class Resolver {
 public:
  // What to look for; before Scan.
  void Want(const verify::Receipt& receipt);
  void Want(const verify::Checkpoint& checkpoint);

  // One pass over the log. Errors: as ScanLog.
  Result<void> Scan(const LogPlace& place, const verify::Policy& policy, const Clock& clock);
  // The same for a caller that scans for other ends, too: each entry in order, then the end. looked_unix_us: when the log itself was
  // asked; 0: it is a copy of unknown age.
  void Look(uint64_t index, std::string_view entry);
  void EndScan(LogScan log, int64_t looked_unix_us);

  const LogScan& log() const { return log_; }
  // "resolved at leaf N", "not yet due", "missing: …" and the like. The receipt was checked (CheckReceipt).
  Judgement Judge(const verify::Receipt& receipt) const;
  // Whether the log begins with this tree. The checkpoint was checked.
  Judgement Judge(const verify::Checkpoint& checkpoint) const;

 private:
  struct Found {
    uint64_t index = 0;
    int64_t time_us = 0;
    std::string type;
  };

  void KeepRoot(uint64_t size);
  Judgement JudgeBegin(const verify::BeginClaim& claim) const;
  Judgement JudgeFinish(const verify::FinishClaim& claim) const;
  // Why it is certain that this checkpoint is of a time after `unix_us`; "" when it is not.
  std::string ShownLaterThan(int64_t unix_us) const;
  std::string HeadText() const;

  std::set<RequestId> wanted_requests_;
  std::map<RequestId, Found> found_;
  std::map<uint64_t, Hash32> leaves_;  // those wanted: leaf hash, zeros until it is seen
  std::map<uint64_t, Hash32>
      roots_;  // those wanted: root of the tree of so many leaves, zeros until it is seen
  verify::RootHasher tree_;
  LogScan log_;
  int64_t last_record_us_ = 0;  // of the last leaf that is a record
  int64_t looked_unix_us_ = 0;  // 0: the log is a copy of unknown age
};

}  // namespace beleg::audit
