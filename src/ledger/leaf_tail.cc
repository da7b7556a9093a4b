#include "ledger/leaf_tail.h"

#include "base/check.h"

namespace beleg::ledger {

void LeafTail::Append(std::vector<HashedLeaf> leaves) {
  MutexLock lock(mutex_);
  for (HashedLeaf& leaf : leaves) {
    unpublished_bytes_ += leaf.bytes.size();
    leaves_.push_back(std::move(leaf));
  }
}

void LeafTail::Published(uint64_t size) {
  MutexLock lock(mutex_);
  for (; published_ < size; ++published_) unpublished_bytes_ -= leaves_[published_ - first_].bytes.size();
}

void LeafTail::DropBefore(uint64_t index) {
  MutexLock lock(mutex_);
  CHECK(index <= published_, "what is not published is here alone");
  for (; first_ < index; ++first_) leaves_.pop_front();
}

uint64_t LeafTail::first() const {
  MutexLock lock(mutex_);
  return first_;
}

uint64_t LeafTail::end() const {
  MutexLock lock(mutex_);
  return first_ + leaves_.size();
}

size_t LeafTail::unpublished_bytes() const {
  MutexLock lock(mutex_);
  return unpublished_bytes_;
}

std::vector<HashedLeaf> LeafTail::Copy(uint64_t first, size_t count_max) const {
  MutexLock lock(mutex_);
  std::vector<HashedLeaf> out;
  if (first < first_) return out;
  for (uint64_t at = first - first_; at < leaves_.size() && out.size() < count_max; ++at)
    out.push_back(leaves_[at]);
  return out;
}

std::vector<Leaf> LeafTail::Read(uint64_t first, size_t count_max, size_t bytes_max) const {
  MutexLock lock(mutex_);
  std::vector<Leaf> out;
  if (first < first_) return out;
  size_t bytes = 0;
  for (uint64_t at = first - first_; at < leaves_.size() && out.size() < count_max; ++at) {
    bytes += leaves_[at].bytes.size();
    if (!out.empty() && bytes > bytes_max) break;
    out.push_back({first_ + at, leaves_[at].bytes});
  }
  return out;
}

}  // namespace beleg::ledger
