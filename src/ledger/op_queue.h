// What waits to be written, in order. When it is full begins and appends are refused; ends always enter, since their requests were
// admitted and are bounded.
//
// Threads: any number push, one takes.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "ledger/ledger.h"
#include "ledger/wal_format.h"

namespace beleg::ledger {

// One thing to write, and whom to tell.
struct Op {
  enum class Kind { kBegin, kEnd, kLeaf, kForward };
  Kind kind = Kind::kLeaf;
  RequestKey key;                       // kBegin, kEnd
  BeginFrame begin;                     // kBegin
  std::string leaf;                     // kEnd, kLeaf
  std::optional<RequestId> request_id;  // kEnd, kLeaf: whose record the leaf is
  uint64_t through_segment = 0;  // kForward: begins that stand in segments up to this one are written again
  BeginCallback begin_done;      // kBegin
  FinishCallback done;           // kEnd, kLeaf; may be empty

  size_t size_bytes() const { return leaf.size() + begin.id.caller.size() + sizeof(Op); }
};

// Tells the op that it failed.
void FailOp(Op& op, const Error& error);

class OpQueue {
 public:
  struct Limits {
    size_t count_max;
    size_t bytes_max;
  };
  explicit OpQueue(Limits limits) : limits_(limits) {}

  // kResourceExhausted (full), kUnavailable (closed); the op is then untouched.
  Result<void> Push(Op&& op);
  // Several with nothing between them, whatever the limits say.
  Result<void> PushAll(std::vector<Op>&& ops);

  // Waits until that moment (Clock::MonoMicros of the host), until `enough` ops are there, or until Close. What is there then, and when
  // the last of them came (0: none).
  struct Gathered {
    size_t count;
    int64_t youngest_us;
  };
  Gathered Hold(int64_t until_us, size_t enough);

  // Waits for an op; then, at most for window, until `company` of them are there. Takes what is there, at most bytes_max (but one).
  // Empty: closed and drained.
  std::vector<Op> Take(size_t company, std::chrono::microseconds window, size_t bytes_max);
  // Puts back what could not be written; the next Take waits that long first, or until Close. False when it is closed.
  bool Return(std::vector<Op>& ops, std::chrono::milliseconds pause);

  void Close();
  bool closed() const;

 private:
  // True: there are as many as the taker waits for.
  bool Add(Op&& op) REQUIRES(mutex_);
  void WaitForCompany(size_t company, int64_t until_us) REQUIRES(mutex_);

  const Limits limits_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<Op> ops_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  int64_t youngest_us_ GUARDED_BY(mutex_) = 0;
  size_t wanted_ GUARDED_BY(mutex_) = 1;  // how many ops the taker waits for: others need not wake it
  std::chrono::milliseconds pause_ GUARDED_BY(mutex_){0};
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace beleg::ledger
