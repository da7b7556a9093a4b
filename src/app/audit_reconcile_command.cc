// beleg audit reconcile: records, counters, metrics, receipts and spans, compared with each other.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "audit/reconcile.h"

namespace beleg::app {
namespace {

struct Options {
  audit::ReconcileOptions reconcile;
  audit::PinnedKeys keys;
  std::string token_file;
  bool json = false;
};

Result<audit::ReconcileReport> Reconcile(Options& options) {
  TRY_ASSIGN(options.keys.token, TokenOf(options.token_file));
  options.reconcile.log.token = options.keys.token;
  TRY_ASSIGN(options.reconcile.policy, audit::ReadPolicy(options.keys));
  return audit::ReconcileLog(options.reconcile);
}

}  // namespace

void AddAuditReconcile(CLI::App& audit, Action& action) {
  auto options = std::make_shared<Options>();  // shared with the action, which runs after parsing
  CLI::App* command = audit.add_subcommand(
      "reconcile", "Compare records, counters, /metrics, kept receipts and stored spans");
  audit::ReconcileOptions& reconcile = options->reconcile;
  command->add_option("log", reconcile.log.place, "Folder or URL of the log")->required();
  AddPinnedKeys(*command, options->keys);
  AddLedgerTokenFile(*command, options->token_file);
  command->add_option("--serve", reconcile.serve_url, "Server whose /metrics are compared");
  command->add_option("--store", reconcile.store_url,
                      "Store's API: spans are compared, the outcome is put on record");
  command->add_option("--store-api-key", reconcile.store_api_key, "Key for it");
  command->add_option("--receipts", reconcile.receipts, "Folder or file of receipts that clients kept");
  command->add_option("--resend", reconcile.resend_url, "OTLP/HTTP receiver for spans that the store lacks");
  command->add_flag("!--no-record", reconcile.put_on_record, "Leave the audit host's log alone");
  command->add_flag("--json", options->json, "One JSON document instead of text");
  command->callback([options, &action] {
    action = [options]() -> int {
      Result<audit::ReconcileReport> report = Reconcile(*options);
      if (!report) return ExitOfAudit("audit reconcile", report.error());
      PrintReport(options->json ? audit::RenderJson(*report).Dump() : audit::RenderText(*report));
      return report->ok() ? kExitOk : kExitFinding;
    };
  });
}

}  // namespace beleg::app
