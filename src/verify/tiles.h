// C2SP tlog-tiles: names of tiles, and reading a log through them.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "verify/note.h"

namespace beleg::verify {

// "tile/0/x001/x234/067", with ".p/W" when width < 256; level -1 is "tile/entries/…".
std::string TilePath(int level, uint64_t number, int width = 256);

// Reads one of the log's files by its path below the prefix; kNotFound when there is none.
using TileSource = std::function<Result<std::string>(const std::string& path)>;

// How many hashes (or entries, level -1 and 0 alike) tile `number` holds in a log of this size: 0..256.
int TileWidth(uint64_t size, int level, uint64_t number);

struct TileFile {
  std::string path;
  std::string bytes;
};
// The file of a tile or bundle of that width. A partial one that is gone is looked for as the full one, of which then only
// the front counts; C2SP lets a log drop partial tiles once the full one is there. kNotFound when both are missing.
Result<TileFile> FetchTile(const TileSource& source, int level, uint64_t number, int width);

// Splits an entry bundle (uint16 big-endian length ‖ entry, repeated). kDataLoss names the byte.
Result<std::vector<std::string>> SplitBundle(std::string_view bundle);

// A log seen through its tiles at one checkpoint.
//
// Trust:   every hash that is used is first checked against the checkpoint's root, so a lying source cannot produce a proof.
//          The checkpoint itself is the caller's to open (OpenCheckpoint).
// Errors:  kInvalidArgument (beyond the checkpoint) · kDataLoss (a file is missing, short, or not what the root says) · the
//          source's own errors else.
// Threads: one at a time.
// Cost:    a proof reads at most 16 tiles; up to 64 checked ones are kept (8 KiB each).
class TileReader {
 public:
  TileReader(TileSource source, Checkpoint checkpoint)
      : source_(std::move(source)), checkpoint_(std::move(checkpoint)) {}
  const Checkpoint& checkpoint() const { return checkpoint_; }

  Result<Hash32> LeafHash(uint64_t index);
  // RFC 6962 §2.1.1, from the leaf's sibling upward.
  Result<std::vector<Hash32>> InclusionProof(uint64_t index);
  // RFC 6962 §2.1.2, from old_size to the checkpoint's size. Empty for 0 and for the checkpoint's own size.
  Result<std::vector<Hash32>> ConsistencyProof(uint64_t old_size);
  // Entries [first, first + count), each checked against its leaf hash.
  Result<std::vector<std::string>> Entries(uint64_t first, uint64_t count);

 private:
  using TileKey = std::pair<int, uint64_t>;

  // The hash of leaves [first, last), a range that the recursive definitions of RFC 6962 use.
  Result<Hash32> RangeHash(uint64_t first, uint64_t last);
  // The hash of the complete subtree of 2^height leaves that begins at leaf index·2^height.
  Result<Hash32> NodeHash(int height, uint64_t index);
  // A checked tile; good until the next call.
  Result<const std::string*> CheckedTile(int level, uint64_t number);
  // Reads the partial tiles at the tree's right edge, which together give the root, and checks that they do.
  Result<void> CheckEdge();
  Result<std::string> FetchHashes(int level, uint64_t number);

  TileSource source_;
  Checkpoint checkpoint_;
  bool edge_checked_ = false;
  std::map<TileKey, std::string> edge_;  // the partial tiles
  std::map<TileKey, std::string> full_;
};

}  // namespace beleg::verify
