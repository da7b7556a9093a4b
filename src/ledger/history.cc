// LedgerCore's answers about its past: roots and hashes of what is durable, published or not.
#include "base/check.h"
#include "ledger/ledger_core.h"

namespace beleg::ledger {

Result<Hash32> LedgerCore::RootAt(uint64_t size) {
  CHECK(size <= durable_size(), "a root is of leaves that are there");
  const auto newest = published();
  if (size <= newest->size()) return reader_->RootAt(*newest, size);
  TreeEdge edge = newest->edge;
  for (const HashedLeaf& leaf : tail_->Copy(newest->size(), size - newest->size())) {
    std::vector<TileFile> full;
    edge.Append(leaf.hash, full);
  }
  return edge.Root();
}

Result<Hash32> LedgerCore::LeafHash(uint64_t index) {
  CHECK(index < durable_size(), "a hash is of a leaf that is there");
  const auto newest = published();
  if (index < newest->size()) return reader_->LeafHash(*newest, index);
  return tail_->Copy(index, 1).at(0).hash;
}

}  // namespace beleg::ledger
