// CompressionThread: a Compressor on a thread of its own that takes at most a tenth of one core's and the disk's time.
//
// Threads: Close from one; on_disk_failure is called on the thread, which ends with it, and must not call Close.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "base/mutex.h"
#include "base/thread.h"
#include "bundle/compressor.h"

namespace beleg::bundle {

class CompressionThread {
 public:
  // on_disk_failure: a write or sync failed, the state of the disk is unknown. A full disk is none; it is waited for.
  CompressionThread(CompressorOptions options, std::function<void(const Error&)> on_disk_failure);
  ~CompressionThread() { Close(); }
  CompressionThread(const CompressionThread&) = delete;
  CompressionThread& operator=(const CompressionThread&) = delete;

  // Waits for the bundle under way.
  void Close();

 private:
  void Run(const std::stop_token& stop);
  // nullopt: the thread ends.
  std::optional<std::chrono::microseconds> StepAndPause();
  void Pause(std::chrono::microseconds pause, const std::stop_token& stop);

  Compressor compressor_;
  const std::function<void(const Error&)> on_disk_failure_;
  Mutex mutex_;
  CondVar wake_;  // the end
  Thread thread_;
};

}  // namespace beleg::bundle
