// What happens when the state of the disk is unknown: a write or sync failed for another reason than room (ADR 0004).
#pragma once

#include <functional>

#include "base/result.h"

namespace beleg::store {

// Called once with the error. Empty: says so and ends the process with 74; a test's function may return, and then nothing is
// acknowledged any more.
using DiskFailure = std::function<void(const Error&)>;

// True for what may heal by itself: a full disk.
bool MayHeal(const Error& error);

// Calls it, or ends the process.
void TellDiskFailure(const DiskFailure& on_failure, const Error& error);

}  // namespace beleg::store
