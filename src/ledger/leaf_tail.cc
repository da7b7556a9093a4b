#include "ledger/leaf_tail.h"

#include <algorithm>

#include "base/check.h"

namespace beleg::ledger {
namespace {

constexpr size_t kCopyStep = 64;

}  // namespace

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
  std::vector<HashedLeaf> dropped;  // freed when nobody waits for the lock any more
  MutexLock lock(mutex_);
  CHECK(index <= published_, "what is not published is here alone");
  for (; first_ < index; ++first_) {
    dropped.push_back(std::move(leaves_.front()));
    leaves_.pop_front();
  }
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
  std::vector<HashedLeaf> out;
  // In steps: whoever appends waits for one of them at most.
  for (size_t copied = SIZE_MAX; copied > 0;) {
    MutexLock lock(mutex_);
    const uint64_t next = first + out.size();
    if (next < first_ || next >= first_ + leaves_.size()) break;
    const auto from = leaves_.begin() + static_cast<ptrdiff_t>(next - first_);
    copied = std::min({kCopyStep, count_max - out.size(), static_cast<size_t>(leaves_.end() - from)});
    out.insert(out.end(), from, from + static_cast<ptrdiff_t>(copied));
  }
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
