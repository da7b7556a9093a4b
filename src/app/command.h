// A subcommand: its options on the command line, and what it does. One file each; wiring only.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace CLI {
class App;
}

namespace beleg::app {

// What a program ends with. Audit commands: 1 is a finding, 2 means that it could not be looked at, 3 that the evidence decides
// nothing.
enum ExitCode { kExitOk = 0, kExitFinding = 1, kExitError = 2, kExitUnknown = 3 };

using Action = std::function<int()>;

// Each adds its subcommand to the program and sets action when it is the one that was called.
void AddServe(CLI::App& program, Action& action);
void AddStore(CLI::App& program, Action& action);
void AddWitness(CLI::App& program, Action& action);
void AddUp(CLI::App& program, Action& action);
void AddAudit(CLI::App& program, Action& action);
void AddEmit(CLI::App& program, Action& action);
void AddCollector(CLI::App& program, Action& action);
void AddLedger(CLI::App& program, Action& action);

// "beleg serve: 127.0.0.1:8000: address in use" on stderr; gives kExitError.
int Complain(std::string_view command, const Error& error);

// Blocks SIGINT and SIGTERM in this thread and all that it starts, so that they can be waited for.
// Also: a peer that is gone, and a file at the limit of its size, are errors of a call and end no process.
void BlockStopSignals();
// Waits for one of them, at most that long; the signal, or 0.
int WaitForStopSignal(int64_t limit_ms);
int WaitForStopSignal();

// A file of one secret line, made 0600 with a random value when it is missing. Errors: kPermissionDenied when others may read it.
Result<std::string> ReadOrMakeToken(const std::string& path);
Result<std::string> ReadToken(const std::string& path);

// Binding wider than loopback without authentication is refused unless it was asked for by name.
Result<void> CheckBind(const std::string& host, bool authenticated, bool insecure_no_auth,
                       std::string_view what);

}  // namespace beleg::app
