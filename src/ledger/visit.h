// Visit: a short life of a log whose server is stopped, for a command that has something to put on record. It is a boot like a server's,
// so requests that a crash left open become lost by it.
//
// Errors:  those of LedgerCore; kResourceExhausted: no room for a record, nothing more was done.
// Threads: one.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "ledger/ledger_core.h"

namespace beleg::ledger {

// What the boot record says of the program.
struct Program {
  std::string version;
  std::string build = "unknown";  // the commit that it was made of
};

class Visit {
 public:
  // Opens the log, writes the boot record and a config record that names the command, with what else is to stand there.
  static Result<std::unique_ptr<Visit>> Open(LedgerOptions options, const std::string& command,
                                             const Program& program,
                                             std::map<std::string, std::string> settings = {});

  LedgerCore& core() { return *core_; }
  // Durable on return; the leaf's index.
  Result<uint64_t> Append(record::Body body);
  // Everything that is durable under a signed checkpoint.
  Result<void> Publish();
  // Shutdown record, and Publish. The folder stays locked until the Visit is gone.
  Result<void> Close();

 private:
  Visit(std::unique_ptr<LedgerCore> core, const BootId& boot) : core_(std::move(core)), boot_(boot) {}

  const std::unique_ptr<LedgerCore> core_;
  const BootId boot_;
};

}  // namespace beleg::ledger
