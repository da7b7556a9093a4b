#include "ledger/visit.h"

namespace beleg::ledger {

Result<std::unique_ptr<Visit>> Visit::Open(LedgerOptions options, const std::string& command,
                                           const Program& program,
                                           std::map<std::string, std::string> settings) {
  TRY_ASSIGN(auto core, LedgerCore::Open(std::move(options)));
  const BootId boot{core->options().rng->Draw<std::array<uint8_t, 8>>()};
  std::unique_ptr<Visit> visit(new Visit(std::move(core), boot));
  record::Boot body;
  body.version = program.version;
  body.build = program.build;
  body.service_name = "beleg-ledger";
  body.host = visit->core().host();
  body.audit = "closed";
  body.clock_source = "system";
  TRY_ASSIGN(auto ops, visit->core().BootOps(boot, std::move(body)));
  TRY(visit->core().CommitAll(std::move(ops)));
  visit->core().BootIsDurable();
  settings["command"] = command;
  TRY(visit->Append(record::Config{std::move(settings)}));
  return visit;
}

Result<uint64_t> Visit::Append(record::Body body) {
  const uint64_t index = core_->durable_size();
  std::vector<Op> ops(1);
  ops[0].leaf = record::Encode({boot_, core_->options().clock->UnixMicros(), std::move(body)});
  TRY(core_->CommitAll(std::move(ops)));
  return index;
}

Result<void> Visit::Publish() {
  while (core_->published()->size() < core_->durable_size()) TRY(core_->Publish());
  return {};
}

Result<void> Visit::Close() {
  TRY(Append(record::Shutdown{"command", {}, 0}));
  return Publish();
}

}  // namespace beleg::ledger
