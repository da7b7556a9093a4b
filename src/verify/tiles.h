// C2SP tlog-tiles: names of tiles, reading a log through them, and checking a whole one.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "verify/note.h"

namespace beleg::verify {

// "tile/0/x001/x234/067", with ".p/W" when width < 256; level -1 is "tile/entries/…".
std::string TilePath(int level, uint64_t number, int width = 256);

// Reads one of the log's files by its path below the prefix; kNotFound when there is none.
using TileSource = std::function<Result<std::string>(const std::string& path)>;

// A log seen through its tiles at one checkpoint. Partial tiles fall back to the full one, as clients must.
// Every hash that is used is checked against the checkpoint's root first, so a lying source cannot produce a proof.
class TileReader {
 public:
  TileReader(TileSource source, Checkpoint checkpoint) : source_(std::move(source)), checkpoint_(checkpoint) {}
  const Checkpoint& checkpoint() const { return checkpoint_; }

  Result<Hash32> LeafHash(uint64_t index);
  Result<std::vector<Hash32>> InclusionProof(uint64_t index);
  // From old_size to the checkpoint's size.
  Result<std::vector<Hash32>> ConsistencyProof(uint64_t old_size);
  // Entries [first, first + count), each checked against its leaf hash.
  Result<std::vector<std::string>> Entries(uint64_t first, uint64_t count);

 private:
  Result<std::string> Tile(int level, uint64_t number, int width);
  TileSource source_;
  Checkpoint checkpoint_;
};

// Splits an entry bundle (uint16 big-endian length ‖ entry, repeated). kDataLoss names the byte.
Result<std::vector<std::string>> SplitBundle(std::string_view bundle);

struct FsckReport {
  Checkpoint checkpoint;
  uint64_t entries = 0;
  std::vector<std::string> findings;  // empty: the log is whole
};
// Recomputes everything from the entries: leaf hashes, every tile at every level, the root, and the checkpoint's signature.
// Errors are of the source alone; what is wrong with the log is a finding that names file and byte.
Result<FsckReport> Fsck(const TileSource& source, const VerifierKey& key,
                        const std::function<void(uint64_t index, std::string_view entry)>& on_entry = {});

}  // namespace beleg::verify
