#include "store/disk_failure.h"

#include <cstdlib>

#include "base/log.h"

namespace beleg::store {

constexpr int kExitDiskFailed = 74;  // EX_IOERR of sysexits.h

bool MayHeal(const Error& error) { return error.code == ErrorCode::kResourceExhausted; }

void TellDiskFailure(const DiskFailure& on_failure, const Error& error) {
  if (on_failure) return on_failure(error);
  LOG_ERROR("store.disk_failed", F("error", error.message),
            F("what_now", "the process stops; start it again"));
  std::_Exit(kExitDiskFailed);
}

}  // namespace beleg::store
