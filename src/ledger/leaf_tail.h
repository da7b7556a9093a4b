// The newest leaves, in memory: from the start of the entry bundle that is not full yet to the last durable one.
//
// Threads: any; Append from one, Published and DropBefore from one.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/mutex.h"
#include "ledger/ledger.h"

namespace beleg::ledger {

struct HashedLeaf {
  std::string bytes;
  Hash32 hash{};  // RFC 6962 leaf hash
};

class LeafTail {
 public:
  explicit LeafTail(uint64_t first) : first_(first), published_(first) {}

  void Append(std::vector<HashedLeaf> leaves);
  // The leaves below size are published (CHECK: they are here).
  void Published(uint64_t size);
  // CHECK: they are published.
  void DropBefore(uint64_t index);

  uint64_t first() const;
  uint64_t end() const;
  size_t unpublished_bytes() const;
  // Leaves [first, first + count_max), as far as they are there. Not beside DropBefore.
  std::vector<HashedLeaf> Copy(uint64_t first, size_t count_max) const;
  // The same without hashes, cut at bytes_max but at least one. Empty when first is not in the tail.
  std::vector<Leaf> Read(uint64_t first, size_t count_max, size_t bytes_max) const;

 private:
  mutable Mutex mutex_;
  std::deque<HashedLeaf> leaves_ GUARDED_BY(mutex_);
  uint64_t first_ GUARDED_BY(mutex_);
  uint64_t published_ GUARDED_BY(mutex_);
  size_t unpublished_bytes_ GUARDED_BY(mutex_) = 0;
};

}  // namespace beleg::ledger
