// A commitment to everything a request said and got: 32 bytes in the leaf, one 32-byte secret outside it.
//
// Shape:  items are (path, bytes), e.g. "input/0/content", "output/0", "client/model". Each is salted with a key derived from
//         the secret and its path; the root is the RFC 6962 Merkle root over the items in order of path. Without the secret the
//         root says nothing about the content, however short; with an item's salt and audit path one item can be opened alone.
// Threads: const calls from any.
// Cost:   two HMACs and two SHA-256 of 64 bytes an item, and one pass over its bytes.
// Source: docs/formats/record.md, "Commitment": the exact bytes, and why this is hiding and binding.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "record/audit_record.h"

namespace beleg::record {

using Secret = Hash32;  // never logged, never in a leaf

constexpr size_t kPathBytesMax = 1024;

// What shows one item and nothing of the others.
struct Opening {
  std::string path;
  Hash32 salt{};
  uint64_t index = 0;              // among the items, sorted by the bytes of their paths
  std::vector<Hash32> audit_path;  // RFC 6962 §2.1.1: from the item's sibling up
};

class CommitmentTree {
 public:
  explicit CommitmentTree(const Secret& secret) : secret_(secret) {}
  // Paths are of our making: 1 … kPathBytesMax bytes, unique (CHECK; the latter when the tree is used), in any order.
  void Add(std::string path, std::string_view bytes);
  // Of no items: SHA-256 of nothing, as RFC 6962 has it.
  Commitment Root() const;
  // kNotFound when there is no such path.
  Result<Opening> Open(std::string_view path) const;

 private:
  struct Leaf {
    std::string path;
    Hash32 hash;
  };
  std::vector<Leaf> SortedLeaves() const;

  Secret secret_;
  std::vector<Leaf> leaves_;
};

// True if the opening shows that bytes stand at its path under the commitment.
bool VerifyOpening(const Commitment& commitment, const Opening& opening, std::string_view bytes);

}  // namespace beleg::record
