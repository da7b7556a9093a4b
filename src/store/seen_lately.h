// SeenLately remembers the newest things by fingerprint, so that what is sent again makes no second rows.
//
// Shape:   two generations of up to generation_count each: what came within the last generation_count things is always known, what
//          is older than twice that never.
// Threads: one at a time.
// Cost:    32 to 64 bytes a thing remembered.
#pragma once

#include <utility>

#include "store/fingerprint_set.h"

namespace beleg::store {

class SeenLately {
 public:
  explicit SeenLately(size_t generation_count) : generation_count_(generation_count) {}

  bool Contains(const Fingerprint& thing) const { return newer_.Contains(thing) || older_.Contains(thing); }
  void Add(const Fingerprint& thing) {
    newer_.Insert(thing);
    if (newer_.size() < generation_count_) return;
    older_ = std::exchange(newer_, {});
  }

 private:
  const size_t generation_count_;
  FingerprintSet newer_, older_;
};

}  // namespace beleg::store
