// What the files of `beleg audit` share: one a group of subcommands (app/audit_*_command.cc).
#pragma once

#include <string>
#include <string_view>

#include "app/command.h"
#include "audit/pinned_keys.h"

namespace beleg::app {

void AddAuditVerify(CLI::App& audit, Action& action);
void AddAuditReconcile(CLI::App& audit, Action& action);
void AddAuditHold(CLI::App& audit, Action& action);

// To stdout, ended by a newline.
void PrintReport(std::string_view text);
// Damage is what audit commands look for (kExitFinding); everything else kept them from looking (kExitError).
int ExitOfAudit(std::string_view command, const Error& error);

// --ledger-token-file: a token by file, since a command line can be read by every user of the host.
void AddLedgerTokenFile(CLI::App& command, std::string& path);
// "" when no file is named.
Result<std::string> TokenOf(const std::string& path);

// --vkey, --witness, --quorum, --policy, --keys.
void AddPinnedKeys(CLI::App& command, audit::PinnedKeys& keys);

}  // namespace beleg::app
