#include "ledger/tree_edge.h"

#include <bit>
#include <optional>

#include "base/check.h"
#include "ledger/tile_hashes.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

// size / 256^level, 0 where that passes 64 bits.
uint64_t Shifted(uint64_t size, int level) { return level >= 8 ? 0 : size >> (8 * level); }

}  // namespace

uint64_t FullTiles(uint64_t size, int level) { return Shifted(size, level + 1); }
uint64_t PartialWidth(uint64_t size, int level) { return Shifted(size, level) % kTileWidth; }

TreeEdge::TreeEdge(uint64_t size, const std::vector<std::string>& partial_tiles)
    : size_(size), levels_(partial_tiles) {
  for (size_t level = 0; level < levels_.size(); ++level)
    CHECK(levels_[level].size() == PartialWidth(size, static_cast<int>(level)) * kHashBytes,
          "a partial tile fits the size");
  CHECK(Shifted(size, static_cast<int>(levels_.size())) == 0, "every level of the tree is there");
}

void TreeEdge::Append(const Hash32& leaf_hash, std::vector<TileFile>& full) {
  Hash32 hash = leaf_hash;
  ++size_;
  for (size_t level = 0;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    std::string& hashes = levels_[level];
    hashes += AsView(hash);
    if (hashes.size() < kTileBytes) return;
    hash = PerfectRoot(hashes, 0, kTileWidth);  // only full subtrees go upward
    const int at = static_cast<int>(level);
    full.push_back(
        {{.level = at, .number = FullTiles(size_, at) - 1, .width = kTileWidth}, std::move(hashes)});
    hashes.clear();
  }
}

// Folds the tree's peaks (its perfect subtrees, largest first) from the right.
Hash32 TreeEdge::Root() const {
  std::vector<Hash32> peaks;
  for (size_t level = levels_.size(); level-- > 0;) {
    const std::string& hashes = levels_[level];
    size_t first = 0;
    for (size_t left = hashes.size() / kHashBytes; left > 0;) {
      const size_t count = std::bit_floor(left);
      peaks.push_back(PerfectRoot(hashes, first, count));
      first += count;
      left -= count;
    }
  }
  if (peaks.empty()) return wire::Sha256("");
  Hash32 root = peaks.back();
  for (size_t i = peaks.size() - 1; i-- > 0;) root = wire::MerkleNodeHash(peaks[i], root);
  return root;
}

std::vector<TileFile> TreeEdge::Partials() const {
  std::vector<TileFile> tiles;
  for (size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].empty()) continue;
    const int at = static_cast<int>(level);
    tiles.push_back(
        {{.level = at, .number = FullTiles(size_, at), .width = levels_[level].size() / kHashBytes},
         levels_[level]});
  }
  return tiles;
}

std::string_view TreeEdge::Partial(int level) const {
  return static_cast<size_t>(level) < levels_.size() ? std::string_view(levels_[static_cast<size_t>(level)])
                                                     : std::string_view();
}

}  // namespace beleg::ledger
