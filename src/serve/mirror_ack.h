// MirrorAck: for --ack=mirror, tells when the mirror has what a request left in the log, synced and cosigned.
//
// Shape:   a finished request waits for a cosignature that covers its leaf. A begun one has no leaf; it waits for one that covers a
//          heartbeat written after it, whose highest seq and digest of open requests name it. One heartbeat serves all that wait.
// Order:   answers come in no order.
// Errors:  kDeadlineExceeded: not within the limit · kUnavailable: stopped · kResourceExhausted: too many wait.
// Threads: one of its own; Wait… and OnMirrored from any. Callbacks run on the thread of whoever found out, and must be quick.
// Cost:    a round is a heartbeat's fdatasync, a checkpoint, and the mirror's copy of it; all that wait share it.
#pragma once

#include <functional>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "ledger/ledger.h"

namespace beleg::serve {

class MirrorAck {
 public:
  struct Options {
    std::chrono::milliseconds limit{5'000};
    size_t waiting_max = 10'000;
    // Appends a heartbeat and gives its index, once it is durable.
    std::function<Result<uint64_t>()> beat;
  };
  using Callback = std::function<void(Result<void>)>;

  MirrorAck(Options options, ledger::Ledger& ledger);
  ~MirrorAck() { Stop(); }

  void WaitForLeaf(uint64_t index, Callback done);
  // The begin is durable here.
  void WaitForBegin(Callback done);
  // The mirror has so many leaves.
  void OnMirrored(uint64_t size);
  // Everything that waits fails.
  void Stop();

 private:
  struct Waiting {
    uint64_t index;  // of the leaf that must be mirrored; kNoLeaf: a heartbeat is to be written first
    int64_t deadline_mono_us;
    Callback done;
  };
  void Add(uint64_t index, Callback done);
  void Run(std::stop_token stop);
  // Writes a heartbeat if a begin waits; the size that the checkpoint must cover, 0: none.
  uint64_t CoverBegins();
  std::vector<Waiting> TakeIf(const std::function<bool(const Waiting&)>& condition) REQUIRES(mutex_);

  const Options options_;
  ledger::Ledger& ledger_;
  const SystemClock clock_;
  Mutex mutex_;
  CondVar wake_;
  std::vector<Waiting> waiting_ GUARDED_BY(mutex_);
  uint64_t mirrored_ GUARDED_BY(mutex_) = 0;
  bool added_ GUARDED_BY(mutex_) = false;  // since the thread looked last
  bool stopped_ GUARDED_BY(mutex_) = false;
  Thread thread_;  // last: it uses all of the above
};

}  // namespace beleg::serve
