// FingerprintSet: fingerprints in one flat table, since a node each would cost two misses of the cache and an allocation.
//
// Threads: one at a time.
// Cost:    16 bytes a slot; half of them at most are full.
#pragma once

#include <algorithm>
#include <vector>

#include "store/fingerprint.h"

namespace beleg::store {

class FingerprintSet {
 public:
  size_t size() const { return size_; }
  bool Contains(const Fingerprint& thing) const { return !slots_.empty() && slots_[SlotOf(thing)] == thing; }
  // False when it was there.
  bool Insert(const Fingerprint& thing) {
    if (2 * (size_ + 1) > slots_.size()) Grow();
    Fingerprint& slot = slots_[SlotOf(thing)];
    if (slot == thing) return false;
    slot = thing;
    ++size_;
    return true;
  }

 private:
  static constexpr size_t kSlotsMin = 64;
  static constexpr Fingerprint kEmpty{};  // no bytes are known whose SHA-256 begins so

  // Where it stands, or the empty slot where it would.
  size_t SlotOf(const Fingerprint& thing) const {
    const size_t mask = slots_.size() - 1;
    size_t at = FingerprintHash()(thing) & mask;
    while (slots_[at] != kEmpty && slots_[at] != thing) at = (at + 1) & mask;
    return at;
  }
  void Grow() {
    std::vector<Fingerprint> old(std::max(kSlotsMin, 2 * slots_.size()), kEmpty);
    old.swap(slots_);
    for (const Fingerprint& thing : old)
      if (thing != kEmpty) slots_[SlotOf(thing)] = thing;
  }

  std::vector<Fingerprint> slots_;  // a power of two of them
  size_t size_ = 0;
};

}  // namespace beleg::store
