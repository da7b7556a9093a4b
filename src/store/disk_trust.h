// DiskTrust: whether a part of the store may still believe its disk. After a write or sync that failed for another reason than room,
// what lies there is unknown: the process stops before anybody hears of it, and nothing more is written or answered (ADR 0004).
//
// Order:   every durable write goes through Judge, and what follows from it (an answer, a record, a next write) comes after.
// Threads: any. The failure is told once, by the thread that met it.
#pragma once

#include <functional>
#include <string>

#include "base/mutex.h"
#include "base/result.h"

namespace beleg::store {

// Called once with the error. Empty: says so and ends the process with 74; a test's function may return.
using DiskFailure = std::function<void(const Error&)>;

// True for what may heal by itself: a full disk.
bool MayHeal(const Error& error);

class DiskTrust {
 public:
  explicit DiskTrust(DiskFailure on_failure) : on_failure_(std::move(on_failure)) {}

  // Ok, or kUnavailable and why: from a failure on, for ever.
  Result<void> Check() const;
  // What a write gave, passed on if it is ok or may heal. Any other is the failure: it is told, and Check's answer comes instead.
  Result<void> Judge(Result<void> written);

 private:
  const DiskFailure on_failure_;
  mutable Mutex mutex_;
  std::string failure_ GUARDED_BY(mutex_);  // "": none
};

}  // namespace beleg::store
