// The ledger's threads around LedgerCore: the writer commits groups, the publisher makes tiles and checkpoints, and a third one
// compresses what is old.
#include "ledger/ledger.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <optional>

#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"
#include "bundle/compression_thread.h"
#include "bundle/entry_bundle.h"
#include "ledger/bundle_compression.h"
#include "ledger/group_pacing.h"
#include "ledger/ledger_core.h"
#include "ledger/op_queue.h"
#include "ledger/receipt.h"

namespace beleg::ledger {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr milliseconds kRetryPause{200};         // after the disk was found full
constexpr milliseconds kCheckpointPauseMin{25};  // between checkpoints that somebody asked for
constexpr milliseconds kProofWaitMax{5'000};
constexpr int kExitDiskFailed = 74;  // EX_IOERR of sysexits.h

[[noreturn]] void StopProcess(const Error& error) {
  LOG_ERROR("ledger.stop", F("why", error.message),
            F("then", "start again: recovery decides what is durable"));
  std::_Exit(kExitDiskFailed);
}

// Waits until a number of callbacks have come.
class Waiter {
 public:
  explicit Waiter(size_t count) : left_(count) {}
  FinishCallback Callback() {
    return [this](Result<FinishReceipt> receipt) {
      MutexLock lock(mutex_);
      if (!first_ || !receipt) first_ = std::move(receipt);
      if (--left_ == 0) done_.NotifyAll();
    };
  }
  // The first receipt, or an error if any came.
  Result<FinishReceipt> Wait() {
    MutexLock lock(mutex_);
    while (left_ > 0) done_.Wait(mutex_);
    return *first_;
  }

 private:
  Mutex mutex_;
  CondVar done_;
  size_t left_ GUARDED_BY(mutex_);
  std::optional<Result<FinishReceipt>> first_ GUARDED_BY(mutex_);
};

class ThreadedLedger final : public Ledger {
 public:
  explicit ThreadedLedger(std::unique_ptr<LedgerCore> core)
      : core_(std::move(core)), queue_({core_->options().queue_count_max, core_->options().queue_bytes_max}) {
    writer_ = Thread("ledger-write", [this](std::stop_token) { Write(); });
    publisher_ = Thread("ledger-publish", [this](std::stop_token stop) { Publish(stop); });
    if (core_->options().compress_closed_days)
      compression_ = std::make_unique<bundle::CompressionThread>(CompressionOf(*core_),
                                                                 [this](const Error& error) { Stop(error); });
  }
  ~ThreadedLedger() override { Close(); }

  const std::string& origin() const override { return core_->origin(); }
  const std::string& vkey() const override { return core_->vkey(); }
  const std::string& host() const override { return core_->host(); }

  Result<uint64_t> BeginBoot(const BootId& boot, record::Boot body) override;
  void Begin(const BeginFrame& frame, BeginCallback done) override;
  void Finish(uint64_t seq, std::string leaf, FinishCallback done) override;
  void Append(std::string leaf, FinishCallback done) override;
  Result<FinishReceipt> AppendAndWait(std::string leaf) override;
  OpenSet open_set() const override { return core_->open_requests().Summary(boot()); }
  uint64_t durable_size() const override { return core_->durable_size(); }
  uint64_t WaitForSize(uint64_t size, milliseconds limit) override;
  Result<std::vector<Leaf>> Read(uint64_t first, size_t count_max, size_t bytes_max) override {
    return core_->Read(first, count_max, bytes_max);
  }
  uint64_t WaitForCheckpoint(uint64_t size, milliseconds limit) override {
    WaitUntil([&] { return core_->published()->size() >= size; }, limit);
    return core_->published()->size();
  }
  Result<uint64_t> CheckpointAtLeast(uint64_t size, milliseconds limit) override;
  Result<uint64_t> FindRequest(const RequestId& id) override { return core_->FindRequest(id); }
  Result<FinishReceipt> ReceiptOf(uint64_t index) override { return core_->ReceiptOf(index); }
  Result<std::string> Proof(uint64_t index) override;
  Result<Resource> ReadResource(std::string_view path) override { return core_->ReadResource(path); }
  Result<void> Health() const override;
  void StopWaitingForRoom() override { waits_for_room_ = false; }
  void Close() override;

 private:
  BootId boot() const;
  Result<uint64_t> AppendBoot(const BootId& boot, record::Boot body);
  Result<uint64_t> PushAndWait(std::vector<Op> ops);
  void Push(Op op);

  // Writer.
  void Write();
  void CommitOne(std::vector<Op> ops);
  void LetPublisherCatchUp();
  void FailAll(std::vector<Op>& ops);

  // Publisher.
  void Publish(std::stop_token stop);
  bool WaitUntilPublishDue(int64_t latest_us);
  bool IsPublishDue() const REQUIRES(mutex_);
  bool IsBehind() const;
  Result<void> PublishOnce();
  void PublishRest();
  void Pause(milliseconds pause);

  Result<void> StillWorks() const;
  void Stop(const Error& error);
  void WakeWaiters();
  // Waits until `reached` or Close, at most for limit. Real time: the simulation drives LedgerCore itself.
  template <class Condition>
  void WaitUntil(Condition reached, milliseconds limit);

  const std::unique_ptr<LedgerCore> core_;
  OpQueue queue_;
  std::atomic<bool> waits_for_room_ = true;
  mutable Mutex mutex_;
  CondVar progress_;      // sizes grew, or the ledger closes
  CondVar publish_wake_;  // a checkpoint is wanted, or the ledger closes
  std::optional<BootId> boot_ GUARDED_BY(mutex_);
  uint64_t wanted_size_ GUARDED_BY(mutex_) = 0;  // checkpoint asked for
  bool closing_ GUARDED_BY(mutex_) = false;
  bool broken_ GUARDED_BY(mutex_) = false;         // the disk failed
  bool stopped_ GUARDED_BY(mutex_) = false;        // on_fatal was called and returned
  bool publish_fails_ GUARDED_BY(mutex_) = false;  // the last try did
  Mutex close_mutex_;                              // one Close at a time
  Thread writer_;
  Thread publisher_;
  std::unique_ptr<bundle::CompressionThread> compression_;  // null: bundles stay as they are
};

Result<uint64_t> ThreadedLedger::BeginBoot(const BootId& boot, record::Boot body) {
  CHECK(!boot.IsZero(), "a boot's id is random");
  {
    MutexLock lock(mutex_);
    CHECK(!boot_, "a process has one boot");
    boot_ = boot;
  }
  auto index = AppendBoot(boot, std::move(body));
  if (index) core_->BootIsDurable();
  MutexLock lock(mutex_);
  if (!index) boot_.reset();  // may be tried again
  return index;
}

Result<uint64_t> ThreadedLedger::AppendBoot(const BootId& boot, record::Boot body) {
  TRY_ASSIGN(auto ops, core_->BootOps(boot, std::move(body)));
  // The boot first: on a full disk it is refused, and lost records, which have their room, must not come without it.
  const auto first_lost = std::ranges::find(ops, Op::Kind::kEnd, &Op::kind);
  std::vector<Op> lost(std::make_move_iterator(first_lost), std::make_move_iterator(ops.end()));
  ops.erase(first_lost, ops.end());
  TRY_ASSIGN(uint64_t index, PushAndWait(std::move(ops)));
  if (!lost.empty()) TRY(PushAndWait(std::move(lost)));
  return index;
}

// The index of the first one's leaf.
Result<uint64_t> ThreadedLedger::PushAndWait(std::vector<Op> ops) {
  Waiter waiter(ops.size());
  for (Op& op : ops) op.done = waiter.Callback();
  TRY(queue_.PushAll(std::move(ops)));
  TRY_ASSIGN(FinishReceipt receipt, waiter.Wait());
  return receipt.index;
}

BootId ThreadedLedger::boot() const {
  MutexLock lock(mutex_);
  return boot_.value_or(BootId{});
}

void ThreadedLedger::Begin(const BeginFrame& frame, BeginCallback done) {
  const BootId boot_now = boot();
  CHECK(!boot_now.IsZero(), "BeginBoot comes first");
  Op op;
  op.kind = Op::Kind::kBegin;
  op.key = {boot_now, frame.id.seq};
  op.begin = frame;
  op.begin_done = std::move(done);
  core_->open_requests().Begin(op.key, frame);
  Push(std::move(op));
}

void ThreadedLedger::Finish(uint64_t seq, std::string leaf, FinishCallback done) {
  CHECK(!leaf.empty() && leaf.size() <= record::kRecordBytesMax,
        "the room that Begin reserved is for a record");
  Op op;
  op.kind = Op::Kind::kEnd;
  op.key = {boot(), seq};
  op.leaf = std::move(leaf);
  op.done = std::move(done);
  op.request_id = core_->open_requests().End(op.key);
  if (!op.request_id)
    return FailOp(op, {ErrorCode::kFailedPrecondition, fmt::format("seq {} is not open", seq)});
  Push(std::move(op));
}

void ThreadedLedger::Append(std::string leaf, FinishCallback done) {
  Op op;
  op.kind = Op::Kind::kLeaf;
  op.leaf = std::move(leaf);
  op.done = std::move(done);
  if (op.leaf.empty() || op.leaf.size() > bundle::kLeafBytesMax)
    return FailOp(op, {ErrorCode::kInvalidArgument, fmt::format("a leaf has 1 to {} bytes, not {}",
                                                                bundle::kLeafBytesMax, op.leaf.size())});
  op.request_id = RequestIdOf(op.leaf);
  Push(std::move(op));
}

Result<FinishReceipt> ThreadedLedger::AppendAndWait(std::string leaf) {
  Waiter waiter(1);
  Append(std::move(leaf), waiter.Callback());
  return waiter.Wait();
}

// Into the queue, or refused at once.
void ThreadedLedger::Push(Op op) {
  const bool is_end = op.kind == Op::Kind::kEnd;
  auto pushed = is_end ? Result<void>() : core_->room().MayTry();
  if (pushed) pushed = queue_.Push(std::move(op));
  if (pushed) return;
  if (op.kind == Op::Kind::kBegin) core_->open_requests().Forget(op.key);
  FailOp(op, pushed.error());
}

// Commits what has come, group after group, until the queue is closed and drained.
void ThreadedLedger::Write() {
  GroupPacing pacing(core_->options().group_interval);
  const SystemClock clock;
  for (;;) {
    if (pacing.is_holding()) {
      const OpQueue::Gathered gathered = queue_.Hold(pacing.hold_until_us(), GroupPacing::kOpsEnough);
      pacing.Held(gathered.count, gathered.youngest_us);
    }
    auto ops = queue_.Take(pacing.company(), pacing.window(), core_->ops_bytes_max());
    if (ops.empty()) return;
    const size_t count = ops.size();
    const int64_t taken_us = clock.MonoMicros();
    LetPublisherCatchUp();
    CommitOne(std::move(ops));
    pacing.Committed(count, taken_us, clock.MonoMicros());
  }
}

// Slows down before the limit is reached at which new work is refused. A publisher that makes no progress is not waited for.
void ThreadedLedger::LetPublisherCatchUp() {
  if (!IsBehind()) return;
  MutexLock lock(mutex_);
  publish_wake_.NotifyAll();
  const size_t limit = core_->options().unpublished_bytes_max / 2;
  while (core_->unpublished_bytes() > limit && !publish_fails_ && !closing_) progress_.Wait(mutex_);
}

void ThreadedLedger::CommitOne(std::vector<Op> ops) {
  auto committed = StillWorks();
  if (committed) committed = core_->Commit(ops);
  if (!committed) {
    Stop(committed.error());
    return FailAll(ops);
  }
  if (!ops.empty() && !(waits_for_room_ && queue_.Return(ops, kRetryPause))) FailAll(ops);
  WakeWaiters();
}

void ThreadedLedger::FailAll(std::vector<Op>& ops) {
  for (Op& op : ops) FailOp(op, {ErrorCode::kUnavailable, "the ledger is closed"});
}

// Publishes each interval, from beginning to beginning, and sooner when a checkpoint is wanted or much waits, until stopped; then
// the rest.
void ThreadedLedger::Publish(std::stop_token stop) {
  const SystemClock clock;
  const microseconds interval = core_->options().checkpoint_interval;
  int64_t begun_us = clock.MonoMicros();
  while (!stop.stop_requested() && WaitUntilPublishDue(begun_us + interval.count())) {
    begun_us = clock.MonoMicros();
    auto done = PublishOnce();
    if (!done && done.error().code != ErrorCode::kResourceExhausted) return Stop(done.error());
    if (!done || !IsBehind()) Pause(done ? kCheckpointPauseMin : kRetryPause);
  }
  PublishRest();
}

// False: Close.
bool ThreadedLedger::WaitUntilPublishDue(int64_t latest_us) {
  MutexLock lock(mutex_);
  while (!closing_ && !IsPublishDue() && publish_wake_.WaitUntil(mutex_, latest_us)) {}
  return !closing_;
}

// Unlike the wait for something to publish, this one ends early for Close alone.
void ThreadedLedger::Pause(milliseconds pause) {
  const int64_t deadline_us = SystemClock().MonoMicros() + microseconds(pause).count();
  MutexLock lock(mutex_);
  while (!closing_ && publish_wake_.WaitUntil(mutex_, deadline_us)) {}
}

bool ThreadedLedger::IsPublishDue() const {
  const uint64_t published = core_->published()->size();
  const bool is_wanted = wanted_size_ > published && core_->durable_size() > published;
  return is_wanted || IsBehind();
}

bool ThreadedLedger::IsBehind() const {
  return core_->unpublished_bytes() >= core_->options().unpublished_bytes_max / 4;
}

Result<void> ThreadedLedger::PublishOnce() {
  const uint64_t size = core_->durable_size();
  Result<void> published;
  do {
    published = core_->Publish();
    WakeWaiters();
  } while (published && core_->published()->size() < size);
  {
    MutexLock lock(mutex_);
    publish_fails_ = !published;
    progress_.NotifyAll();
  }
  if (!published && published.error().code == ErrorCode::kResourceExhausted)
    LOG_WARN("ledger.publish_waits", F("why", published.error().message));
  if (!published) return published;
  TRY_ASSIGN(auto forward, core_->Retire());
  if (forward) std::ignore = queue_.Push(std::move(*forward));  // closed: the next start does it
  return core_->RefreshRoom();
}

void ThreadedLedger::PublishRest() {
  writer_.Join();  // nothing comes any more
  if (!StillWorks()) return;
  while (core_->published()->size() < core_->durable_size()) {
    auto published = core_->Publish();
    if (published) continue;
    LOG_WARN("ledger.closed_unpublished", F("why", published.error().message));  // the next start publishes
    return;
  }
  std::ignore = core_->Retire();  // what cannot go now goes after the next start
}

Result<void> ThreadedLedger::StillWorks() const {
  MutexLock lock(mutex_);
  return broken_ ? Fail(ErrorCode::kUnavailable, "the disk failed") : Result<void>();
}

// The process ends before anybody hears of it: who waits for a record that may be there or not must get no answer, not even a
// refusal. So the second thread that comes here waits for the first.
void ThreadedLedger::Stop(const Error& error) {
  {
    MutexLock lock(mutex_);
    if (std::exchange(broken_, true)) {
      while (!stopped_) progress_.Wait(mutex_);
      return;
    }
  }
  if (core_->options().on_fatal)
    core_->options().on_fatal(error);
  else
    StopProcess(error);
  queue_.Close();
  {
    MutexLock lock(mutex_);
    stopped_ = closing_ = true;
  }
  WakeWaiters();
}

void ThreadedLedger::WakeWaiters() {
  MutexLock lock(mutex_);
  progress_.NotifyAll();
  if (closing_) publish_wake_.NotifyAll();
}

template <class Condition>
void ThreadedLedger::WaitUntil(Condition reached, milliseconds limit) {
  const int64_t deadline_us = SystemClock().MonoMicros() + microseconds(limit).count();
  MutexLock lock(mutex_);
  while (!reached() && !closing_ && progress_.WaitUntil(mutex_, deadline_us)) {}
}

uint64_t ThreadedLedger::WaitForSize(uint64_t size, milliseconds limit) {
  WaitUntil([&] { return core_->durable_size() >= size; }, limit);
  return core_->durable_size();
}

Result<uint64_t> ThreadedLedger::CheckpointAtLeast(uint64_t size, milliseconds limit) {
  {
    MutexLock lock(mutex_);
    wanted_size_ = std::max(wanted_size_, size);
    publish_wake_.NotifyAll();
  }
  WaitUntil([&] { return core_->published()->size() >= size; }, limit);
  const uint64_t published = core_->published()->size();
  if (published >= size) return published;
  TRY(Health());
  return Fail(ErrorCode::kDeadlineExceeded, "the checkpoint covers {} leaves, not {}", published, size);
}

Result<std::string> ThreadedLedger::Proof(uint64_t index) {
  if (index >= durable_size())
    return Fail(ErrorCode::kNotFound, "the log has {} leaves, none of index {}", durable_size(), index);
  TRY(CheckpointAtLeast(index + 1, kProofWaitMax));
  return core_->Proof(*core_->published(), index);
}

Result<void> ThreadedLedger::Health() const {
  if (queue_.closed()) return Fail(ErrorCode::kUnavailable, "the ledger is closed");
  return core_->room().status();
}

void ThreadedLedger::Close() {
  MutexLock closing(close_mutex_);
  queue_.Close();
  {
    MutexLock lock(mutex_);
    closing_ = true;
    progress_.NotifyAll();
    publish_wake_.NotifyAll();
  }
  publisher_.RequestStop();
  publisher_.Join();
  writer_.Join();
  if (compression_) compression_->Close();
}

}  // namespace

std::string WithSecret(const FinishReceipt& receipt, const Hash32& secret) {
  return AppendSecret(receipt.header, secret);
}

Result<std::unique_ptr<Ledger>> Ledger::Open(LedgerOptions options) {
  TRY_ASSIGN(auto core, LedgerCore::Open(std::move(options)));
  return std::make_unique<ThreadedLedger>(std::move(core));
}

}  // namespace beleg::ledger
