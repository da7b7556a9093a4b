// beleg audit hold: records that must stay, set and lifted at the audit host's store.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "audit/holds.h"
#include "audit/web_client.h"

namespace beleg::app {
namespace {

struct Options {
  audit::StorePeer store;
  audit::HoldOrder order;
};

Result<void> Add(const Options& options) {
  TRY_ASSIGN(const wire::Json hold, audit::SetHold(options.store, options.order));
  TRY_ASSIGN(const int64_t index, audit::IntAt(hold, "record_index"));
  PrintReport(fmt::format("on hold    {}\non record  leaf {} of the audit host's log",
                          audit::RenderHold(hold), index));
  return {};
}

Result<void> Lift(const Options& options) {
  TRY_ASSIGN(const wire::Json hold, audit::LiftHold(options.store, options.order.name));
  TRY_ASSIGN(const int64_t index, audit::IntAt(hold, "record_index"));
  PrintReport(fmt::format("lifted     {}\non record  leaf {} of the audit host's log",
                          audit::RenderHold(hold), index));
  return {};
}

Result<void> List(const Options& options) {
  TRY_ASSIGN(const wire::Json answer, audit::ListHolds(options.store));
  TRY_ASSIGN(const wire::Json* list, audit::JsonAt(answer, "holds"));
  std::string out;
  if (list->is_array())
    for (const wire::Json& hold : list->as_array()) out += audit::RenderHold(hold) + "\n";
  PrintReport(out.empty() ? "nothing is on hold" : out);
  return {};
}

CLI::App* AddVerb(CLI::App& hold, Action& action, const std::shared_ptr<Options>& options,
                  const std::string& verb, const std::string& help, Result<void> (*run)(const Options&)) {
  CLI::App* command = hold.add_subcommand(verb, help);
  command->add_option("--store", options->store.url, "Store's API")->capture_default_str();
  command->add_option("--store-api-key", options->store.api_key, "Key for it");
  command->callback([options, &action, run, verb] {
    action = [options, run, verb]() -> int {
      Result<void> done = run(*options);
      return done ? kExitOk : ExitOfAudit("audit hold " + verb, done.error());
    };
  });
  return command;
}

}  // namespace

void AddAuditHold(CLI::App& audit, Action& action) {
  auto options = std::make_shared<Options>();  // shared with the action, which runs after parsing
  CLI::App* hold = audit.add_subcommand("hold", "Records that no prune may take: add, lift, list");
  hold->require_subcommand(1);
  CLI::App* add = AddVerb(*hold, action, options, "add", "Put records on hold, on record", Add);
  audit::HoldOrder& order = options->order;
  add->add_option("name", order.name, "Of the hold, such as a case's number")->required();
  add->add_option("--request", order.request_id, "The one request of this id");
  add->add_option("--origin", order.origin, "Of this log; default: of all logs");
  add->add_option("--from", order.from,
                  "Records made then (UTC) or later: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ");
  add->add_option("--to", order.to, "Records made then or before; a day counts to its end");
  add->add_option("--first-index", order.first_index, "Leaves of the log from this one on");
  add->add_option("--end-index", order.end_index, "Leaves before this one");
  CLI::App* lift = AddVerb(*hold, action, options, "lift", "Let them go again, on record", Lift);
  lift->add_option("name", order.name, "Of the hold")->required();
  AddVerb(*hold, action, options, "list", "What is on hold", List);
}

}  // namespace beleg::app
