// What the files of `beleg ledger` share: one a group of subcommands (app/ledger_*_command.cc). All of them but `keys` work on the
// folder of a server that is stopped.
#pragma once

#include <string>

#include "app/command.h"
#include "ledger/restore.h"
#include "ledger/visit.h"
#include "verify/tiles.h"

namespace beleg::app {

void AddLedgerRestore(CLI::App& ledger, Action& action);  // and `new`
void AddLedgerKeys(CLI::App& ledger, Action& action);     // rotate-key, keys
void AddLedgerPrune(CLI::App& ledger, Action& action);
void AddLedgerUnpack(CLI::App& ledger, Action& action);

// What the boot records of these commands say of this binary: as serve's.
ledger::Program ThisProgram();

// A copy of our log elsewhere, under its newest checkpoint.
struct CopyOfLog {
  std::string place;  // folder or URL below which "checkpoint" and "tile/…" lie
  std::string note;   // the signed checkpoint, with the cosignatures that it has there
  verify::Checkpoint checkpoint{};
  verify::TileSource source;
};
// place: that, or a mirror's prefix (http://HOST:3301/mirror), or a store's folder, below which the log of the key's origin is found.
// kNotFound: no such log there. kUnauthenticated, kDataLoss: its checkpoint is not of this key.
Result<CopyOfLog> OpenCopy(const std::string& place, const std::string& token, const std::string& vkey);
// What is given is checked against the checkpoint.
ledger::MirroredLog AsMirroredLog(const CopyOfLog& copy);

// A log's private key file.
struct KeyFile {
  std::string line, vkey;
};
// kNotFound; kPermissionDenied when others may read it.
Result<KeyFile> ReadKeyFile(const std::string& path);

}  // namespace beleg::app
