// Reads what a former process left in the write-ahead log.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "io/file.h"
#include "ledger/wal_format.h"

namespace beleg::ledger {

struct WalContent {
  uint64_t first_leaf = 0;          // index of leaves[0]
  std::vector<std::string> leaves;  // from the index that was asked for, or where the log begins
  uint64_t end_leaf = 0;            // 0 when there is no group at all
  bool has_groups = false;
  std::map<RequestKey, BeginFrame> open;  // begun and not ended
  std::vector<uint64_t> segments;         // up to the last one that has a group, ascending
  std::vector<SegmentHeader> untouched;   // behind them, ascending: made ahead, and nothing was written
  std::vector<uint64_t> torn;             // behind them as well: half made, or their first group is torn
  uint64_t next_group = 1;
  uint64_t last_segment = 0;  // the last one that has a group
  std::string tail;           // its bytes, to the end of its last whole group
};

// Changes nothing. Leaves below from_leaf are in tiles already and are not kept.
// kDataLoss names file and byte: damage before the end, or a gap. A torn group at the end is left out, as it was never acknowledged.
Result<WalContent> ReadWal(io::FileSystem& fs, const std::string& folder, uint64_t from_leaf);

// Removes the torn segments, in which nothing was ever acknowledged. They would else become more with each start that fails.
Result<void> RemoveTorn(io::FileSystem& fs, const std::string& folder, const WalContent& content);

// Writes the last segment anew, as far as it is whole, and syncs it. After a failed fsync its last group may be in the page cache
// alone, and nobody can tell (ADR 0004); all that came before it was synced, or it would not have been written. What counts is
// what ReadWal saw: the page cache may give other bytes when it is asked again.
Result<void> RewriteTail(io::FileSystem& fs, const std::string& folder, const WalContent& content);

}  // namespace beleg::ledger
