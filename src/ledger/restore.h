// Restore: brings a log whose folder is an old copy, or was lost but for its key, up to what its mirror has, so that it can go on.
//
// Shape:   the mirror's leaves that are missing here are appended as if they came now, in groups, and published; the log ends with the
//          mirror's root. A request that was open in the copy and has its record among them is ended by it.
// Order:   the beginning is compared before anything is written. Stopping anywhere and calling again gives the same log; until it is
//          done nothing else opens the folder (restore_mark.h). The next boot puts on record that it happened.
// Errors:  kFailedPrecondition: this log is not the beginning of the mirror's (names the first leaf that differs) ·
//          kResourceExhausted: no room, call again later · kDataLoss, and those of the mirror's functions.
// Threads: one.
// Cost:    memory: some megabytes.
// Source:  docs/operations/ledger.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ledger/ledger.h"

namespace beleg::ledger {

// The mirror's log under one checkpoint. Who fills this in has checked the checkpoint's signature, and checks what the functions give
// against its root.
struct MirroredLog {
  uint64_t size = 0;
  Hash32 root{};
  // kDataLoss when this is not the root of the mirror's first so many leaves.
  std::function<Result<void>(uint64_t size, const Hash32& root)> check_beginning;
  std::function<Result<Hash32>(uint64_t index)> leaf_hash;
  std::function<Result<std::vector<std::string>>(uint64_t first, uint64_t count)> leaves;
  std::vector<std::string> key_proofs;  // its keys/001.tlog-proof and so on
};

struct RestoreOutcome {
  uint64_t size_before = 0, size_after = 0;
  bool changed = false;  // false: there was nothing to restore
};

// key: "", or the line of the key file, put into a folder that has none.
Result<RestoreOutcome> Restore(LedgerOptions options, const std::string& key, const MirroredLog& mirror);

}  // namespace beleg::ledger
