// Options and endings that audit subcommands share.

#include <cstdio>

#include <CLI/CLI.hpp>

#include "app/audit_command.h"

namespace beleg::app {

void PrintReport(std::string_view text) {
  fmt::print("{}{}", text, text.ends_with('\n') ? "" : "\n");
  std::fflush(stdout);
}

int ExitOfAudit(std::string_view command, const Error& error) {
  Complain(command, error);
  return error.code == ErrorCode::kDataLoss || error.code == ErrorCode::kNotFound ? kExitFinding : kExitError;
}

void AddLedgerTokenFile(CLI::App& command, std::string& path) {
  command.add_option("--ledger-token-file", path, "File (0600) with the bearer token of the ledger");
}

Result<std::string> TokenOf(const std::string& path) {
  if (path.empty()) return "";
  auto token = ReadToken(path);
  // Of the argument; as an answer of the log it would be a finding.
  if (!token && token.error().code == ErrorCode::kNotFound) token.error().code = ErrorCode::kInvalidArgument;
  return token;
}

void AddPinnedKeys(CLI::App& command, audit::PinnedKeys& keys) {
  command.add_option("--vkey", keys.vkeys, "The log's key; several for evidence of several logs");
  command.add_option("--witness", keys.witnesses, "Key of a witness whose cosignature counts");
  command.add_option("--quorum", keys.quorum, "How many of them must have cosigned; default: all");
  command.add_option("--policy", keys.policy_file, "C2SP tlog-policy file, instead of these three");
  command.add_option("--keys", keys.key_proofs,
                     "Proofs of a changed key: file (`beleg ledger keys --out`), or the log's folder or URL");
}

}  // namespace beleg::app
