// Checking a whole C2SP log, file by file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/note.h"
#include "verify/tiles.h"

namespace beleg::verify {

constexpr size_t kFindingsMax = 1000;  // then Fsck stops, and says so

struct FsckReport {
  Checkpoint checkpoint;
  uint64_t entries = 0;               // read
  uint64_t first_entry = 0;           // the bundles before it are not there (MissingFront::kIsPruned)
  std::vector<std::string> findings;  // empty: the log is whole
};

// What bundles that are missing from the beginning on are: a finding, or pruned, as whoever calls has to see in a record of the log.
// Their hash tiles must be there, and are checked against the root like all others.
enum class MissingFront { kIsFinding, kIsPruned };

// Recomputes everything from the entries: leaf hashes, every tile at every level, the root, and checks the checkpoint's
// signature. One pass in order of index; memory is one tile a level.
// on_entry gets each entry as it is read, before the root has been checked: use it for counting.
// Errors are of the source alone; what is wrong with the log is a finding that names file and byte. So is a bundle of which the source
// says kDataLoss: it is there and cannot be read.
Result<FsckReport> Fsck(const TileSource& source, const VerifierKey& key,
                        const std::function<void(uint64_t index, std::string_view entry)>& on_entry = {},
                        MissingFront missing_front = MissingFront::kIsFinding);

}  // namespace beleg::verify
