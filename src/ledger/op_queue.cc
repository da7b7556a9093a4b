#include "ledger/op_queue.h"

#include <algorithm>
#include <iterator>

#include "base/clock.h"

namespace beleg::ledger {
namespace {

int64_t Ahead(std::chrono::microseconds time) { return SystemClock().MonoMicros() + time.count(); }

}  // namespace

void FailOp(Op& op, const Error& error) {
  if (op.begin_done) op.begin_done(std::unexpected<Error>(error));
  if (op.done) op.done(std::unexpected<Error>(error));
}

// The taker is woken when the lock is free again: else it would wake up only to wait for it.
Result<void> OpQueue::Push(Op&& op) {
  bool has_company = false;
  {
    MutexLock lock(mutex_);
    if (closed_) return Fail(ErrorCode::kUnavailable, "the ledger is closed");
    const bool is_new_work = op.kind == Op::Kind::kBegin || op.kind == Op::Kind::kLeaf;
    if (is_new_work && (ops_.size() >= limits_.count_max || bytes_ >= limits_.bytes_max))
      return Fail(ErrorCode::kResourceExhausted, "the ledger's queue is full: {} entries, {} bytes",
                  ops_.size(), bytes_);
    has_company = Add(std::move(op));
  }
  if (has_company) wake_.NotifyOne();
  return {};
}

Result<void> OpQueue::PushAll(std::vector<Op>&& ops) {
  bool has_company = false;
  {
    MutexLock lock(mutex_);
    if (closed_) return Fail(ErrorCode::kUnavailable, "the ledger is closed");
    for (Op& op : ops) has_company = Add(std::move(op));
  }
  if (has_company) wake_.NotifyOne();
  return {};
}

bool OpQueue::Add(Op&& op) {
  bytes_ += op.size_bytes();
  ops_.push_back(std::move(op));
  youngest_us_ = SystemClock().MonoMicros();
  return ops_.size() >= wanted_;
}

OpQueue::Gathered OpQueue::Hold(int64_t until_us, size_t enough) {
  MutexLock lock(mutex_);
  WaitForCompany(enough, until_us);
  return {ops_.size(), ops_.empty() ? 0 : youngest_us_};
}

std::vector<Op> OpQueue::Take(size_t company, std::chrono::microseconds window, size_t bytes_max) {
  MutexLock lock(mutex_);
  if (pause_.count() > 0) WaitForCompany(SIZE_MAX, Ahead(std::exchange(pause_, {})));
  wanted_ = 1;
  while (ops_.empty() && !closed_) wake_.Wait(mutex_);
  if (ops_.size() < company) WaitForCompany(company, Ahead(window));
  std::vector<Op> taken;
  size_t bytes = 0;
  while (!ops_.empty()) {
    const size_t size = ops_.front().size_bytes();
    if (!taken.empty() && bytes + size > bytes_max) break;
    bytes += size;
    taken.push_back(std::move(ops_.front()));
    ops_.pop_front();
  }
  bytes_ -= bytes;
  return taken;
}

void OpQueue::WaitForCompany(size_t company, int64_t until_us) {
  wanted_ = company;
  while (ops_.size() < company && !closed_ && wake_.WaitUntil(mutex_, until_us)) {}
  wanted_ = 1;
}

bool OpQueue::Return(std::vector<Op>& ops, std::chrono::milliseconds pause) {
  MutexLock lock(mutex_);
  if (closed_) return false;
  for (const Op& op : ops) bytes_ += op.size_bytes();
  ops_.insert(ops_.begin(), std::make_move_iterator(ops.begin()), std::make_move_iterator(ops.end()));
  pause_ = pause;
  return true;
}

void OpQueue::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  wake_.NotifyAll();
}

bool OpQueue::closed() const {
  MutexLock lock(mutex_);
  return closed_;
}

}  // namespace beleg::ledger
