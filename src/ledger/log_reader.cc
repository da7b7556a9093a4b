#include "ledger/log_reader.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "bundle/entry_bundle.h"
#include "bundle/stored.h"
#include "ledger/tile_hashes.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

// The two halves of a tree of this many leaves: the left one is the largest power of two below it.
uint64_t LeftSize(uint64_t count) { return std::bit_floor(count - 1); }

// The root that a path leads to (RFC 9162 §2.1.3.2).
Hash32 RootOfPath(Hash32 hash, uint64_t index, uint64_t size, const std::vector<Hash32>& path) {
  uint64_t last = size - 1;
  for (const Hash32& sibling : path) {
    if (index % 2 == 1 || index == last) {
      hash = wire::MerkleNodeHash(sibling, hash);
      while (index % 2 == 0 && index != 0) index /= 2, last /= 2;
    } else {
      hash = wire::MerkleNodeHash(hash, sibling);
    }
    index /= 2, last /= 2;
  }
  return hash;
}

}  // namespace

Result<std::vector<Leaf>> LogReader::ReadFullBundle(uint64_t first, size_t count_max, size_t bytes_max) {
  const uint64_t number = first / kTileWidth;
  TRY_ASSIGN(auto leaves, Bundle(number));
  std::vector<Leaf> out;
  size_t bytes = 0;
  for (uint64_t at = first % kTileWidth; at < leaves->size() && out.size() < count_max; ++at) {
    bytes += (*leaves)[at].size();
    if (!out.empty() && bytes > bytes_max) break;
    out.push_back({number * kTileWidth + at, (*leaves)[at]});
  }
  return out;
}

Result<std::shared_ptr<const LogReader::Leaves>> LogReader::Bundle(uint64_t number) {
  if (auto kept = bundles_.Get(number)) return kept;
  const std::string path = PathOf({kEntriesLevel, number, kTileWidth});
  TRY_ASSIGN(std::string bytes, bundle::ReadStored(fs_, path));
  auto leaves = bundle::SplitEntries(bytes);
  if (!leaves) return Fail(std::move(leaves.error()), "{}", path);
  TRY_ASSIGN(auto tile, FullTile(0, number));
  if (leaves->size() != kTileWidth)
    return Fail(ErrorCode::kDataLoss, "{}: {} entries, want 256", path, leaves->size());
  for (uint64_t i = 0; i < kTileWidth; ++i)
    if (wire::MerkleLeafHash((*leaves)[i]) != HashAt(*tile, i))
      return Fail(ErrorCode::kDataLoss, "{}: entry {} does not have the hash of its tile", path, i);
  auto shared = std::make_shared<const Leaves>(std::move(*leaves));
  bundles_.Put(number, shared);
  return shared;
}

Result<std::shared_ptr<const std::string>> LogReader::FullTile(int level, uint64_t number) {
  if (auto kept = tiles_.Get({level, number})) return kept;
  const std::string path = PathOf({level, number, kTileWidth});
  TRY_ASSIGN(std::string bytes, io::ReadFile(fs_, path, kTileBytes));
  if (bytes.size() != kTileBytes)
    return Fail(ErrorCode::kDataLoss, "{}: {} bytes, want {}", path, bytes.size(), kTileBytes);
  auto shared = std::make_shared<const std::string>(std::move(bytes));
  tiles_.Put({level, number}, shared);
  return shared;
}

Result<Hash32> LogReader::TileRoot(const Published& published, int level, uint64_t first, uint64_t count) {
  const uint64_t number = first / kTileWidth;
  if (number == FullTiles(published.size(), level))
    return PerfectRoot(published.edge.Partial(level), first % kTileWidth, count);
  TRY_ASSIGN(auto tile, FullTile(level, number));
  return PerfectRoot(*tile, first % kTileWidth, count);
}

Result<Hash32> LogReader::RangeRoot(const Published& published, uint64_t first, uint64_t end) {
  const uint64_t count = end - first;
  if (std::has_single_bit(count)) {  // such ranges are aligned: one tile has all of it
    const int level = std::countr_zero(count) / 8;
    const int shift = 8 * level;
    return TileRoot(published, level, first >> shift, count >> shift);
  }
  const uint64_t middle = first + LeftSize(count);
  TRY_ASSIGN(Hash32 left, RangeRoot(published, first, middle));
  TRY_ASSIGN(Hash32 right, RangeRoot(published, middle, end));
  return wire::MerkleNodeHash(left, right);
}

Result<Hash32> LogReader::LeafHash(const Published& published, uint64_t index) {
  return TileRoot(published, 0, index, 1);
}

Result<Hash32> LogReader::RootAt(const Published& published, uint64_t size) {
  return size == 0 ? Result<Hash32>(TreeEdge().Root()) : RangeRoot(published, 0, size);
}

Result<std::vector<Hash32>> LogReader::InclusionPath(const Published& published, uint64_t index,
                                                     const Hash32& leaf_hash) {
  CHECK(index < published.size(), "a proof is of a published leaf");
  std::vector<Hash32> path;
  uint64_t first = 0, end = published.size();
  while (end - first > 1) {
    const uint64_t middle = first + LeftSize(end - first);
    const bool is_left = index < middle;
    TRY_ASSIGN(Hash32 sibling,
               is_left ? RangeRoot(published, middle, end) : RangeRoot(published, first, middle));
    path.push_back(sibling);
    (is_left ? end : first) = middle;
  }
  std::ranges::reverse(path);
  if (RootOfPath(leaf_hash, index, published.size(), path) != published.root)
    return Fail(ErrorCode::kDataLoss, "{}: a tile on the way to leaf {} is not what was signed", folder_,
                index);
  return path;
}

Result<Resource> LogReader::ReadTileResource(std::string_view path) {
  auto tile = ParseTilePath(path);
  if (!tile) return Fail(ErrorCode::kInvalidArgument, "no such path in a log; it has checkpoint and tile/…");
  TRY_ASSIGN(std::string bytes, bundle::ReadLogFile(fs_, folder_, TilePath(*tile)));
  return Resource{std::move(bytes), "application/octet-stream", true};
}

}  // namespace beleg::ledger
