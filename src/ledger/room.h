// Whether new work may be taken, and why not. Heals by itself: while there is no room, one caller each retry_us is let through to
// try again.
//
// Threads: any.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/result.h"

namespace beleg::ledger {

class Room {
 public:
  static constexpr int64_t kRetryMicros = 200'000;

  explicit Room(const Clock& clock) : clock_(clock) {}

  // Ok, or the last reason.
  Result<void> status() const;
  // Ok when there is room, or when it is time to try anew.
  Result<void> MayTry();
  // What a try found.
  void Report(const Result<void>& found);

 private:
  const Clock& clock_;
  mutable Mutex mutex_;
  Result<void> status_ GUARDED_BY(mutex_);
  int64_t tried_us_ GUARDED_BY(mutex_) = 0;
};

}  // namespace beleg::ledger
