#include "store/log_edge.h"

#include <algorithm>

#include "base/check.h"
#include "verify/tiles.h"
#include "verify/tree.h"
#include "wire/sha256.h"

namespace beleg::store {
namespace {

constexpr uint64_t kWidth = 256;
constexpr size_t kRowBytes = kWidth * 32;
constexpr int kBundleLevel = -1;

// Which tile of its level is being filled.
uint64_t TileNumber(uint64_t size, size_t level) { return size >> (8 * (level + 1)); }

}  // namespace

void LogEdge::Add(std::string_view entry) {
  CHECK(entry.size() <= UINT16_MAX, "an entry has at most 65,535 bytes");
  PutBig16(bundle_, static_cast<uint16_t>(entry.size()));
  bundle_ += entry;
  ++size_;
  if (size_ % kWidth == 0)
    full_.push_back({verify::TilePath(kBundleLevel, size_ / kWidth - 1), std::exchange(bundle_, {})});
  AddHash(0, wire::MerkleLeafHash(entry));
}

void LogEdge::AddHash(size_t level, const Hash32& hash) {
  if (rows_.size() == level) rows_.emplace_back();
  rows_[level] += AsView(hash);
  if (rows_[level].size() < kRowBytes) return;
  std::string row = std::exchange(rows_[level], {});
  const Hash32 above = verify::SubtreeRoots(row)[0];
  full_.push_back({verify::TilePath(static_cast<int>(level), TileNumber(size_, level) - 1), std::move(row)});
  AddHash(level + 1, above);
}

Hash32 LogEdge::Root() const {
  std::vector<Hash32> roots;
  for (size_t level = rows_.size(); level-- > 0;) {
    std::vector<Hash32> of_level = verify::SubtreeRoots(rows_[level]);
    roots.insert(roots.end(), of_level.begin(), of_level.end());
  }
  return verify::JoinSubtrees(roots);
}

std::vector<LogEdge::File> LogEdge::Partial() const {
  std::vector<File> out;
  const int entries = static_cast<int>(size_ % kWidth);
  if (entries > 0) out.push_back({verify::TilePath(kBundleLevel, size_ / kWidth, entries), bundle_});
  for (size_t level = 0; level < rows_.size(); ++level) {
    const int width = static_cast<int>(rows_[level].size() / 32);
    if (width > 0)
      out.push_back(
          {verify::TilePath(static_cast<int>(level), TileNumber(size_, level), width), rows_[level]});
  }
  return out;
}

}  // namespace beleg::store
