// beleg audit: its subcommands; check, fsck and prove are here. Exit codes: 0 good, 1 a finding, 2 it could not be looked at.

#include "app/audit_command.h"

#include <CLI/CLI.hpp>

#include "app/command.h"
#include "audit/check.h"
#include "audit/fsck.h"
#include "audit/prove.h"

namespace beleg::app {
namespace {

void AddCheck(CLI::App& audit, Action& action) {
  auto options = std::make_shared<audit::CheckOptions>();  // shared with the action, which runs after parsing
  CLI::App* command = audit.add_subcommand("check", "Send one request and find its record, spans and proof");
  command->add_option("--base-url", options->completion.base_url, "OpenAI API")->capture_default_str();
  command->add_option("--api-key", options->completion.api_key, "Key for it");
  command->add_option("--model", options->completion.model, "Default: the first that is served");
  command->add_option("--prompt", options->completion.prompt, "What to ask")->capture_default_str();
  command->add_option("--max-tokens", options->completion.max_tokens, "Length of the answer")
      ->capture_default_str();
  command->add_option("--store", options->store_url, "Store's API")->capture_default_str();
  command->add_option("--store-api-key", options->store_api_key, "Key for it");
  command->add_option("--service", options->service, "service.name of the spans")->capture_default_str();
  command->add_option("--require", options->required, "Attributes each server span must have")
      ->capture_default_str();
  command->add_option("--vkey", options->vkey, "The log's key; default: the store's word");
  command->add_flag("--strict", options->strict, "Other spans of the window count too");
  command->add_flag("!--no-record", options->want_record, "Spans alone, for another backend");
  command->callback([options, &action] {
    action = [options] {
      audit::CheckReport report = audit::Check(*options);
      PrintReport(audit::RenderText(*options, report));
      return static_cast<int>(report.verdict);
    };
  });
}

void AddFsck(CLI::App& audit, Action& action) {
  struct Options {
    audit::FsckOptions fsck;
    std::string token_file;
  };
  auto options = std::make_shared<Options>();  // shared with the action, which runs after parsing
  CLI::App* command = audit.add_subcommand("fsck", "Check a whole log: entries, tiles, checkpoint, records");
  command->add_option("place", options->fsck.place, "Folder, or URL of a ledger")->required();
  command->add_option("--vkey", options->fsck.vkey, "The log's key")->required();
  AddLedgerTokenFile(*command, options->token_file);
  command->callback([options, &action] {
    action = [options]() -> int {
      Result<std::string> token = TokenOf(options->token_file);
      if (!token) return ExitOfAudit("audit fsck", token.error());
      options->fsck.token = *token;
      Result<audit::FsckResult> result = audit::FsckLog(options->fsck);
      if (!result) return ExitOfAudit("audit fsck", result.error());
      PrintReport(audit::RenderText(options->fsck, *result));
      return result->ok() ? kExitOk : kExitFinding;
    };
  });
}

void AddProve(CLI::App& audit, Action& action) {
  struct Options {
    audit::ProveOptions prove;
    std::string token_file;
  };
  auto options = std::make_shared<Options>();  // shared with the action, which runs after parsing
  CLI::App* command =
      audit.add_subcommand("prove", "Fetch one request's record and proof, check and keep them");
  command->add_option("request_id", options->prove.request_id, "As in the answer")->required();
  command->add_option("--ledger", options->prove.ledger_url, "The ledger")->capture_default_str();
  command->add_option("--vkey", options->prove.vkey, "The log's key; default: what the ledger says it is");
  command->add_option("--out", options->prove.folder, "Folder for the files")->capture_default_str();
  AddLedgerTokenFile(*command, options->token_file);
  command->callback([options, &action] {
    action = [options]() -> int {
      Result<std::string> token = TokenOf(options->token_file);
      if (!token) return ExitOfAudit("audit prove", token.error());
      options->prove.token = *token;
      Result<audit::ProveResult> result = audit::Prove(options->prove);
      if (!result) return ExitOfAudit("audit prove", result.error());
      PrintReport(audit::RenderText(*result));
      return kExitOk;
    };
  });
}

}  // namespace

void AddAudit(CLI::App& program, Action& action) {
  CLI::App* audit = program.add_subcommand("audit", "Check from outside: one request, or a whole log");
  audit->require_subcommand(1);
  AddCheck(*audit, action);
  AddFsck(*audit, action);
  AddAuditVerify(*audit, action);
  AddAuditReconcile(*audit, action);
  AddAuditHold(*audit, action);
  AddProve(*audit, action);
}

}  // namespace beleg::app
