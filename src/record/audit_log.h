// AuditLog: the audit host's own log for a part that acts on what it said there before. hostlog/ is the real one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "record/audit_sink.h"

namespace beleg::record {

// Threads: any.
class AuditLog : public AuditSink {
 public:
  // Which log it is: a leaf's index says nothing of another one.
  virtual const std::string& origin() const = 0;

  // Gives each durable record from leaf `first` on, in order, and returns the leaf to go on from. Passed over is what was pruned and
  // what this version cannot read. Less than `first`: the log is shorter than that. An error of `take` ends it and is passed on.
  // Cost: some microseconds a record; nothing when there is no new one.
  using Take = std::function<Result<void>(uint64_t index, const AuditRecord& record)>;
  virtual Result<uint64_t> Replay(uint64_t first, const Take& take) = 0;
};

}  // namespace beleg::record
