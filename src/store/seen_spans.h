// SeenSpans remembers the newest spans by fingerprint, so that a retried export does not make second rows.
//
// Shape:   two generations of up to kGenerationCount each: what came within the last kGenerationCount spans is always known, what is
//          older than twice that never.
// Threads: one at a time.
// Cost:    about 50 bytes a span remembered, 50 MB at most.
#pragma once

#include <unordered_set>
#include <utility>

#include "store/span_row.h"

namespace beleg::store {

class SeenSpans {
 public:
  static constexpr size_t kGenerationCount = 512 << 10;

  bool Contains(const Fingerprint& span) const { return newer_.contains(span) || older_.contains(span); }
  void Add(const Fingerprint& span) {
    newer_.insert(span);
    if (newer_.size() < kGenerationCount) return;
    older_ = std::exchange(newer_, {});
  }

 private:
  std::unordered_set<Fingerprint, FingerprintHash> newer_, older_;
};

}  // namespace beleg::store
