#include "store/disk_trust.h"

#include <cstdlib>

#include "base/log.h"

namespace beleg::store {
namespace {

constexpr int kExitDiskFailed = 74;  // EX_IOERR of sysexits.h

void Tell(const DiskFailure& on_failure, const Error& error) {
  if (on_failure) return on_failure(error);
  LOG_ERROR("store.disk_failed", F("error", error.message),
            F("what_now", "the process stops; start it again"));
  std::_Exit(kExitDiskFailed);
}

}  // namespace

bool MayHeal(const Error& error) { return error.code == ErrorCode::kResourceExhausted; }

Result<void> DiskTrust::Check() const {
  MutexLock lock(mutex_);
  return failure_.empty() ? Result<void>() : Fail(ErrorCode::kUnavailable, "stopped: {}", failure_);
}

Result<void> DiskTrust::Judge(Result<void> written) {
  if (written || MayHeal(written.error())) return written;
  bool is_first = false;
  {
    MutexLock lock(mutex_);
    is_first = failure_.empty();
    if (is_first) failure_ = written.error().message.empty() ? "the disk failed" : written.error().message;
  }
  if (is_first) Tell(on_failure_, written.error());
  return Check();
}

}  // namespace beleg::store
