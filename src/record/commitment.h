// A commitment to everything a request said and got: 32 bytes in the leaf, one 32-byte secret outside it.
//
// Shape:  items are (path, bytes), e.g. "input/0/content", "output/0", "client/model". Each is salted with a key derived from
//         the secret and its path; the root is the RFC 6962 Merkle root over the items in order of path. Without the secret the root
//         says nothing about the content, however short; with an item's salt and audit path one item can be opened alone.
// Source: docs/formats/record.md, "Commitment".
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "record/audit_record.h"

namespace beleg::record {

using Secret = Hash32;  // never logged, never in a leaf

struct Opening {
  std::string path;
  Hash32 salt{};
  uint64_t index = 0;
  std::vector<Hash32> audit_path;
};

class CommitmentTree {
 public:
  explicit CommitmentTree(const Secret& secret) : secret_(secret) {}
  // Paths are unique (CHECK) and come in any order.
  void Add(std::string path, std::string_view bytes);
  Commitment Root() const;
  // kNotFound when there is no such path.
  Result<Opening> Open(std::string_view path) const;

 private:
  Secret secret_;
  std::vector<std::pair<std::string, Hash32>> leaves_;  // sorted by path on use
};

// True if the opening shows that bytes stand at its path under the commitment.
bool VerifyOpening(const Commitment& commitment, const Opening& opening, std::string_view bytes);

}  // namespace beleg::record
