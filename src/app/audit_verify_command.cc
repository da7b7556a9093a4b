// beleg audit verify: kept evidence, offline or against a log.

#include <CLI/CLI.hpp>

#include "app/audit_command.h"
#include "audit/verify.h"

namespace beleg::app {
namespace {

struct Options {
  audit::VerifyOptions verify;
  audit::PinnedKeys keys;
  std::string token_file;
};

int ExitOfVerdict(audit::Verdict verdict) {
  switch (verdict) {
    case audit::Verdict::kGood: return kExitOk;
    case audit::Verdict::kBad: return kExitFinding;
    case audit::Verdict::kUnknown: return kExitUnknown;
  }
  return kExitError;
}

Result<audit::VerifyResult> Verify(Options& options) {
  TRY_ASSIGN(options.keys.token, TokenOf(options.token_file));
  options.verify.against.token = options.keys.token;
  TRY_ASSIGN(options.verify.policy, audit::ReadPolicy(options.keys));
  return audit::VerifyFiles(options.verify);
}

}  // namespace

void AddAuditVerify(CLI::App& audit, Action& action) {
  auto options = std::make_shared<Options>();  // shared with the action, which runs after parsing
  CLI::App* command =
      audit.add_subcommand("verify", "Check kept proofs, receipts and checkpoints, offline or against a log");
  command
      ->add_option("files", options->verify.files,
                   "Proofs, checkpoints, texts with receipts; or folders of them")
      ->required();
  AddPinnedKeys(*command, options->keys);
  command->add_option("--entry", options->verify.entry,
                      "The record's exact bytes; default: X.json beside X.tlog-proof");
  command->add_option(
      "--against", options->verify.against.place,
      "Folder or URL of the log: are promised records there, does it begin with these trees?");
  AddLedgerTokenFile(*command, options->token_file);
  command->callback([options, &action] {
    action = [options]() -> int {
      Result<audit::VerifyResult> result = Verify(*options);
      if (!result) return ExitOfAudit("audit verify", result.error());
      PrintReport(audit::RenderText(*result));
      return ExitOfVerdict(result->verdict());
    };
  });
}

}  // namespace beleg::app
