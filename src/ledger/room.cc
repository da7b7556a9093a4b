#include "ledger/room.h"

#include "base/log.h"

namespace beleg::ledger {

Result<void> Room::status() const {
  MutexLock lock(mutex_);
  return status_;
}

Result<void> Room::MayTry() {
  MutexLock lock(mutex_);
  const int64_t now_us = clock_.MonoMicros();
  if (status_ || now_us - tried_us_ < kRetryMicros) return status_;
  tried_us_ = now_us;
  return {};
}

void Room::Report(const Result<void>& found) {
  MutexLock lock(mutex_);
  if (status_.has_value() != found.has_value()) {
    if (found)
      LOG_INFO("ledger.room_again");
    else
      LOG_ERROR("ledger.no_room", F("why", found.error().message));
  }
  status_ = found;
  tried_us_ = clock_.MonoMicros();
}

}  // namespace beleg::ledger
