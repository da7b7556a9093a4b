#include "verify/tree.h"

#include "base/check.h"
#include "wire/sha256.h"

namespace beleg::verify {
namespace {

constexpr size_t kHashBytes = 32;

Hash32 CompleteRoot(std::string_view row) {
  if (row.size() == kHashBytes) return HashAt(row, 0);
  size_t half = row.size() / 2;
  return wire::MerkleNodeHash(CompleteRoot(row.substr(0, half)), CompleteRoot(row.substr(half)));
}

}  // namespace

Hash32 HashAt(std::string_view row, size_t i) {
  auto hash = ToArray<kHashBytes>(row.substr(i * kHashBytes, kHashBytes));
  CHECK(hash.has_value(), "a row holds whole hashes");
  return *hash;
}

std::vector<Hash32> SubtreeRoots(std::string_view row) {
  CHECK(row.size() % kHashBytes == 0, "a row holds whole hashes");
  std::vector<Hash32> roots;
  while (!row.empty()) {
    size_t bytes = kHashBytes;
    while (bytes * 2 <= row.size()) bytes *= 2;
    roots.push_back(CompleteRoot(row.substr(0, bytes)));
    row.remove_prefix(bytes);
  }
  return roots;
}

Hash32 JoinSubtrees(const std::vector<Hash32>& roots) {
  if (roots.empty()) return wire::Sha256("");
  Hash32 root = roots.back();
  for (size_t i = roots.size() - 1; i-- > 0;) root = wire::MerkleNodeHash(roots[i], root);
  return root;
}

}  // namespace beleg::verify
