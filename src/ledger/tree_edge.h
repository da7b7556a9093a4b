// The right edge of the log's Merkle tree, cut in tiles: everything that is needed to append leaves and to know the root.
//
// Shape: level L holds the hashes of complete subtrees of 256^L leaves that are in no full tile yet, at most 255 of them
//        between two Appends. A few levels of at most 8 KB: cheap to copy, which is how a failed write is undone.
// Source: RFC 6962 §2.1, C2SP tlog-tiles.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "ledger/tile_path.h"

namespace beleg::ledger {

// A tile or entry bundle and what the file holds.
struct TileFile {
  TileId id;
  std::string bytes;
};

class TreeEdge {
 public:
  TreeEdge() = default;
  // The edge of a log of this size; partial_tiles[L] are the bytes of the partial tile at level L (C2SP: its width is
  // size / 256^L mod 256; empty for width 0). CHECK: lengths match.
  TreeEdge(uint64_t size, const std::vector<std::string>& partial_tiles);

  uint64_t size() const { return size_; }
  // Adds a leaf; tiles that it fills are added to full.
  void Append(const Hash32& leaf_hash, std::vector<TileFile>& full);
  // SHA-256("") for the empty tree.
  Hash32 Root() const;
  // The partial tiles of this size, lowest level first.
  std::vector<TileFile> Partials() const;
  // The partial tile at a level, "" when there is none.
  std::string_view Partial(int level) const;

 private:
  uint64_t size_ = 0;
  std::vector<std::string> levels_;  // hashes put together
};

// floor(size / 256^(level + 1)): how many tiles are full at a level, which is the number of the partial one.
uint64_t FullTiles(uint64_t size, int level);
// floor(size / 256^level) mod 256
uint64_t PartialWidth(uint64_t size, int level);

}  // namespace beleg::ledger
