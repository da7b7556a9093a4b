#include "record/commitment.h"

#include <algorithm>
#include <bit>
#include <optional>
#include <span>

#include "base/check.h"
#include "wire/sha256.h"

namespace beleg::record {
namespace {

Hash32 SaltOf(const Secret& secret, std::string_view path) {
  return wire::HmacSha256(AsView(secret), std::string("beleg/v1/salt/").append(path));
}

Hash32 LeafOf(std::string_view path, const Hash32& salt, std::string_view bytes) {
  std::string data;
  PutBig16(data, static_cast<uint16_t>(path.size()));
  data += path;
  data += AsView(wire::HmacSha256(AsView(salt), bytes));
  return wire::MerkleLeafHash(data);
}

// The largest power of two below n, where RFC 6962 splits n > 1 leaves.
size_t SplitOf(size_t n) { return std::bit_floor(n - 1); }

Hash32 RootOf(std::span<const Hash32> leaves) {
  if (leaves.empty()) return wire::Sha256("");
  if (leaves.size() == 1) return leaves[0];
  size_t split = SplitOf(leaves.size());
  return wire::MerkleNodeHash(RootOf(leaves.first(split)), RootOf(leaves.subspan(split)));
}

std::vector<Hash32> AuditPathOf(std::span<const Hash32> leaves, size_t index) {
  if (leaves.size() == 1) return {};
  size_t split = SplitOf(leaves.size());
  auto left = leaves.first(split), right = leaves.subspan(split);
  auto path = index < split ? AuditPathOf(left, index) : AuditPathOf(right, index - split);
  path.push_back(RootOf(index < split ? right : left));
  return path;
}

// RFC 9162 §2.1.3.2: the root that a leaf's audit path leads to; nullopt: the path has not the length that it must have.
std::optional<Hash32> RootFrom(Hash32 hash, uint64_t index, uint64_t size, const std::vector<Hash32>& path) {
  uint64_t last = size - 1;
  for (const Hash32& sibling : path) {
    if (last == 0) return std::nullopt;
    if (index % 2 == 1 || index == last) {
      hash = wire::MerkleNodeHash(sibling, hash);
      while (index % 2 == 0 && index != 0) index /= 2, last /= 2;
    } else {
      hash = wire::MerkleNodeHash(hash, sibling);
    }
    index /= 2, last /= 2;
  }
  if (last != 0) return std::nullopt;
  return hash;
}

}  // namespace

void CommitmentTree::Add(std::string path, std::string_view bytes) {
  CHECK(!path.empty() && path.size() <= kPathBytesMax, "a commitment path has 1 to kPathBytesMax bytes");
  Hash32 hash = LeafOf(path, SaltOf(secret_, path), bytes);
  leaves_.push_back({std::move(path), hash});
}

Commitment CommitmentTree::Root() const {
  std::vector<Hash32> hashes;
  for (const Leaf& leaf : SortedLeaves()) hashes.push_back(leaf.hash);
  return {RootOf(hashes), static_cast<int64_t>(hashes.size())};
}

Result<Opening> CommitmentTree::Open(std::string_view path) const {
  std::vector<Leaf> leaves = SortedLeaves();
  auto found = std::ranges::find(leaves, path, &Leaf::path);
  if (found == leaves.end()) return Fail(ErrorCode::kNotFound, "no item at path \"{}\"", path);
  std::vector<Hash32> hashes;
  for (const Leaf& leaf : leaves) hashes.push_back(leaf.hash);
  size_t index = static_cast<size_t>(found - leaves.begin());
  return Opening{std::string(path), SaltOf(secret_, path), index, AuditPathOf(hashes, index)};
}

std::vector<CommitmentTree::Leaf> CommitmentTree::SortedLeaves() const {
  std::vector<Leaf> leaves = leaves_;
  std::ranges::sort(leaves, {}, &Leaf::path);
  CHECK(std::ranges::adjacent_find(leaves, {}, &Leaf::path) == leaves.end(),
        "two items at one commitment path");
  return leaves;
}

bool VerifyOpening(const Commitment& commitment, const Opening& opening, std::string_view bytes) {
  if (opening.path.empty() || opening.path.size() > kPathBytesMax) return false;
  if (commitment.items <= 0 || opening.index >= static_cast<uint64_t>(commitment.items)) return false;
  Hash32 leaf = LeafOf(opening.path, opening.salt, bytes);
  return RootFrom(leaf, opening.index, static_cast<uint64_t>(commitment.items), opening.audit_path) ==
         commitment.root;
}

}  // namespace beleg::record
