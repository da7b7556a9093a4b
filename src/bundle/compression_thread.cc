#include "bundle/compression_thread.h"

#include <algorithm>

#include "base/log.h"

namespace beleg::bundle {
namespace {

using std::chrono::microseconds;

constexpr microseconds kIdlePause = std::chrono::seconds(10);  // how late a new day may be noticed
constexpr microseconds kNoRoomPause = std::chrono::seconds(60);
constexpr microseconds kPauseMin = std::chrono::milliseconds(20);
constexpr int64_t kPauseForWork = 9;  // times as long as the work took

}  // namespace

CompressionThread::CompressionThread(CompressorOptions options,
                                     std::function<void(const Error&)> on_disk_failure)
    : compressor_(std::move(options)),
      on_disk_failure_(std::move(on_disk_failure)),
      thread_("bundle-compress", [this](std::stop_token stop) { Run(stop); }) {}

void CompressionThread::Close() {
  {
    MutexLock lock(mutex_);
    thread_.RequestStop();
    wake_.NotifyAll();
  }
  thread_.Join();
}

void CompressionThread::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto pause = StepAndPause();
    if (!pause) return;
    Pause(*pause, stop);
  }
}

std::optional<microseconds> CompressionThread::StepAndPause() {
  const SystemClock clock;
  const int64_t start_us = clock.MonoMicros();
  const auto did = compressor_.Step();
  if (!did && did.error().code == ErrorCode::kResourceExhausted) {
    LOG_WARN("bundle.compression_waits", F("why", did.error().message));
    return kNoRoomPause;
  }
  if (!did) {
    on_disk_failure_(did.error());
    return std::nullopt;
  }
  if (*did == Compressor::Did::kNothing) return kIdlePause;
  return std::max(kPauseMin, microseconds(kPauseForWork * (clock.MonoMicros() - start_us)));
}

void CompressionThread::Pause(microseconds pause, const std::stop_token& stop) {
  const int64_t deadline_us = SystemClock().MonoMicros() + pause.count();
  MutexLock lock(mutex_);
  while (!stop.stop_requested() && wake_.WaitUntil(mutex_, deadline_us)) {}
}

}  // namespace beleg::bundle
