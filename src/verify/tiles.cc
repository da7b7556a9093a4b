#include "verify/tiles.h"

#include <algorithm>
#include <bit>

#include "base/check.h"
#include "verify/tree.h"
#include "wire/sha256.h"

namespace beleg::verify {
namespace {

constexpr uint64_t kWidth = 256;
constexpr size_t kHashBytes = 32;
constexpr int kLevelsMax = 8;  // 256^8 = 2^64
constexpr size_t kFullTilesKept = 64;

// How many hashes a whole level has.
uint64_t LevelLength(uint64_t size, int level) { return level >= kLevelsMax ? 0 : size >> (8 * level); }

// The largest power of two smaller than n; n > 1.
uint64_t SplitOf(uint64_t n) { return std::bit_floor(n - 1); }

}  // namespace

std::string TilePath(int level, uint64_t number, int width) {
  CHECK(width >= 1 && width <= 256, "a tile holds 1..256");
  std::string digits = fmt::format("{:03}", number % 1000);
  for (number /= 1000; number > 0; number /= 1000) digits = fmt::format("x{:03}/", number % 1000) + digits;
  std::string path = level < 0 ? "tile/entries/" + digits : fmt::format("tile/{}/{}", level, digits);
  return width == 256 ? path : fmt::format("{}.p/{}", path, width);
}

int TileWidth(uint64_t size, int level, uint64_t number) {
  uint64_t length = LevelLength(size, std::max(level, 0));
  if (number > length / kWidth) return 0;
  return static_cast<int>(std::min(kWidth, length - number * kWidth));
}

Result<TileFile> FetchTile(const TileSource& source, int level, uint64_t number, int width) {
  std::string path = TilePath(level, number, width);
  auto bytes = source(path);
  if (!bytes && bytes.error().code == ErrorCode::kNotFound && width < 256) {
    std::string full = TilePath(level, number);
    auto full_bytes = source(full);
    if (full_bytes || full_bytes.error().code != ErrorCode::kNotFound)
      path = full, bytes = std::move(full_bytes);
  }
  if (!bytes && bytes.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kNotFound, "{}: missing", path);
  if (!bytes) return Fail(std::move(bytes.error()), "{}", path);
  return TileFile{std::move(path), std::move(*bytes)};
}

Result<std::vector<std::string>> SplitBundle(std::string_view bundle) {
  std::vector<std::string> entries;
  for (size_t at = 0; at < bundle.size();) {
    if (bundle.size() - at < 2)
      return Fail(ErrorCode::kDataLoss, "entry {} at byte {}: length cut off", entries.size(), at);
    size_t length = GetBig16(bundle.data() + at);
    if (bundle.size() - at - 2 < length)
      return Fail(ErrorCode::kDataLoss, "entry {} at byte {}: {} bytes, {} are there", entries.size(), at,
                  length, bundle.size() - at - 2);
    entries.emplace_back(bundle.substr(at + 2, length));
    at += 2 + length;
  }
  return entries;
}

Result<Hash32> TileReader::LeafHash(uint64_t index) {
  if (index >= checkpoint_.size)
    return Fail(ErrorCode::kInvalidArgument, "leaf {}: the checkpoint has {} leaves", index,
                checkpoint_.size);
  return NodeHash(0, index);
}

// PATH(m, D[n]) walked down from the root, so it comes out in reverse.
Result<std::vector<Hash32>> TileReader::InclusionProof(uint64_t index) {
  if (index >= checkpoint_.size)
    return Fail(ErrorCode::kInvalidArgument, "leaf {}: the checkpoint has {} leaves", index,
                checkpoint_.size);
  std::vector<Hash32> proof;
  uint64_t first = 0, last = checkpoint_.size;
  while (last - first > 1) {
    uint64_t middle = first + SplitOf(last - first);
    bool left = index < middle;
    TRY_ASSIGN(Hash32 sibling, left ? RangeHash(middle, last) : RangeHash(first, middle));
    proof.push_back(sibling);
    (left ? last : first) = middle;
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

// SUBPROOF(m, D[n], true), likewise.
Result<std::vector<Hash32>> TileReader::ConsistencyProof(uint64_t old_size) {
  if (old_size > checkpoint_.size)
    return Fail(ErrorCode::kInvalidArgument, "size {}: the checkpoint has {} leaves", old_size,
                checkpoint_.size);
  std::vector<Hash32> proof;
  if (old_size == 0) return proof;
  uint64_t first = 0, last = checkpoint_.size;
  while (last != old_size) {
    uint64_t middle = first + SplitOf(last - first);
    bool left = old_size <= middle;
    TRY_ASSIGN(Hash32 sibling, left ? RangeHash(middle, last) : RangeHash(first, middle));
    proof.push_back(sibling);
    (left ? last : first) = middle;
  }
  // What is left is a complete subtree of both trees; it is sent unless it is the whole old tree.
  if (first != 0) {
    TRY_ASSIGN(Hash32 hash, RangeHash(first, last));
    proof.push_back(hash);
  }
  std::reverse(proof.begin(), proof.end());
  return proof;
}

Result<std::vector<std::string>> TileReader::Entries(uint64_t first, uint64_t count) {
  if (first > checkpoint_.size || count > checkpoint_.size - first)
    return Fail(ErrorCode::kInvalidArgument, "entries {} to {}: the checkpoint has {} leaves", first,
                first + count, checkpoint_.size);
  std::vector<std::string> entries;
  for (uint64_t next = first; next < first + count;) {
    uint64_t number = next / kWidth;
    int width = TileWidth(checkpoint_.size, -1, number);
    auto file = FetchTile(source_, -1, number, width);
    if (!file && file.error().code == ErrorCode::kNotFound)
      return Fail(ErrorCode::kDataLoss, "{}", file.error().message);
    if (!file) return std::unexpected(std::move(file.error()));
    auto bundle = SplitBundle(file->bytes);
    if (!bundle) return Fail(std::move(bundle.error()), "{}", file->path);
    if (bundle->size() < static_cast<size_t>(width))
      return Fail(ErrorCode::kDataLoss, "{}: {} entries, want {}", file->path, bundle->size(), width);
    uint64_t end = std::min(first + count, number * kWidth + static_cast<uint64_t>(width));
    for (; next < end; ++next) {
      std::string& entry = (*bundle)[next % kWidth];
      TRY_ASSIGN(Hash32 hash, NodeHash(0, next));
      if (wire::MerkleLeafHash(entry) != hash)
        return Fail(ErrorCode::kDataLoss, "{}: entry {} is not the one in the tree", file->path, next);
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

Result<Hash32> TileReader::RangeHash(uint64_t first, uint64_t last) {
  uint64_t length = last - first;
  if (std::has_single_bit(length)) {
    int height = std::countr_zero(length);
    return NodeHash(height, first >> height);
  }
  uint64_t middle = first + SplitOf(length);
  TRY_ASSIGN(Hash32 left, RangeHash(first, middle));
  TRY_ASSIGN(Hash32 right, RangeHash(middle, last));
  return wire::MerkleNodeHash(left, right);
}

Result<Hash32> TileReader::NodeHash(int height, uint64_t index) {
  uint64_t count = uint64_t{1} << (height % 8);  // hashes of the tile under this node
  uint64_t begin = index * count;
  TRY_ASSIGN(const std::string* tile, CheckedTile(height / 8, begin / kWidth));
  std::string_view row(*tile);
  return SubtreeRoots(row.substr(begin % kWidth * kHashBytes, count * kHashBytes))[0];
}

Result<const std::string*> TileReader::CheckedTile(int level, uint64_t number) {
  TRY(CheckEdge());
  TileKey key(level, number);
  if (auto edge = edge_.find(key); edge != edge_.end()) return &edge->second;
  if (auto full = full_.find(key); full != full_.end()) return &full->second;
  CHECK(TileWidth(checkpoint_.size, level, number) == 256, "every partial tile is at the edge");
  TRY_ASSIGN(const std::string* parent, CheckedTile(level + 1, number / kWidth));
  Hash32 want = HashAt(*parent, number % kWidth);
  TRY_ASSIGN(std::string tile, FetchHashes(level, number));
  if (SubtreeRoots(tile)[0] != want)
    return Fail(ErrorCode::kDataLoss, "{}: not what the tree above it says", TilePath(level, number));
  if (full_.size() >= kFullTilesKept) full_.clear();
  return &(full_[key] = std::move(tile));
}

Result<void> TileReader::CheckEdge() {
  if (edge_checked_) return {};
  std::map<TileKey, std::string> edge;
  std::vector<Hash32> roots;
  for (int level = kLevelsMax - 1; level >= 0; --level) {
    uint64_t number = LevelLength(checkpoint_.size, level) / kWidth;
    if (TileWidth(checkpoint_.size, level, number) == 0) continue;
    TRY_ASSIGN(std::string tile, FetchHashes(level, number));
    for (const Hash32& root : SubtreeRoots(tile)) roots.push_back(root);
    edge[TileKey(level, number)] = std::move(tile);
  }
  if (JoinSubtrees(roots) != checkpoint_.root)
    return Fail(ErrorCode::kDataLoss, "the tiles do not give the root of the checkpoint of size {}",
                checkpoint_.size);
  edge_ = std::move(edge);
  edge_checked_ = true;
  return {};
}

Result<std::string> TileReader::FetchHashes(int level, uint64_t number) {
  int width = TileWidth(checkpoint_.size, level, number);
  auto file = FetchTile(source_, level, number, width);
  if (!file && file.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kDataLoss, "{}", file.error().message);
  if (!file) return std::unexpected(std::move(file.error()));
  bool full = file->path == TilePath(level, number);
  size_t want = kHashBytes * (full ? kWidth : static_cast<uint64_t>(width));
  if (file->bytes.size() != want)
    return Fail(ErrorCode::kDataLoss, "{}: {} bytes, want {}", file->path, file->bytes.size(), want);
  file->bytes.resize(kHashBytes * static_cast<size_t>(width));
  return std::move(file->bytes);
}

}  // namespace beleg::verify
