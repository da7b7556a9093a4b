// Prune: removes the oldest entry bundles of a log whose server is stopped, after a mirror has them.
//
// Shape:   whole bundles from the beginning on, so the log has the entries from some multiple of 256 on. Hash tiles stay: every proof
//          and every checkpoint verifies as before. A prune record in the log says what went, first.
// Order:   record (durable, under a checkpoint), then DIR/cursors/pruned, then the files. Stopping anywhere and calling again ends it.
// Limits:  nothing goes that the covering checkpoint does not cover, or that a cursor of DIR/cursors has not passed; the outcome says
//          when that made it less than was asked for.
// Errors:  kFailedPrecondition: the covering checkpoint is not of this log's history · those of Visit and of check_copy.
// Threads: one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ledger/visit.h"

namespace beleg::ledger {

struct PruneRequest {
  uint64_t before_index = 0;           // entries below it go, as far as whole bundles do; 0: by time alone
  std::optional<int64_t> before_us{};  // bundles whose newest record is older (unix time)
  std::string ground = "retention";
  // The mirror's checkpoint, whose signatures the caller has checked.
  uint64_t covered_size = 0;
  Hash32 covered_root{};
  // Asked for each bundle before anything goes, whether the mirror gives these entries; empty: its cosignature says so.
  std::function<Result<void>(uint64_t first, uint64_t count)> check_copy{};
  // Entries [first, end) that somebody has put on hold: the prune ends before them.
  struct Held {
    std::string name;
    uint64_t first = 0, end = UINT64_MAX;
  };
  std::vector<Held> held{};
  bool holds_asked = false;  // whether an audit host was asked for them; it stands in the log
};

struct PruneOutcome {
  uint64_t before = 0, after = 0;  // first entry that was, and is, there
  int64_t bytes = 0;               // freed
  std::string limited_by;          // "" or what kept more from going
};

Result<PruneOutcome> Prune(LedgerOptions options, const PruneRequest& request, const Program& program);

}  // namespace beleg::ledger
