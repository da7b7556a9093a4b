#include "serve/mirror_ack.h"

#include <algorithm>

#include "base/log.h"

namespace beleg::serve {
namespace {

constexpr uint64_t kNoLeaf = UINT64_MAX;
constexpr std::chrono::milliseconds kLook{50};  // how late a deadline may be noticed

}  // namespace

MirrorAck::MirrorAck(Options options, ledger::Ledger& ledger)
    : options_(std::move(options)),
      ledger_(ledger),
      thread_("mirror-ack", [this](std::stop_token stop) { Run(stop); }) {}

void MirrorAck::WaitForLeaf(uint64_t index, Callback done) { Add(index, std::move(done)); }

void MirrorAck::WaitForBegin(Callback done) { Add(kNoLeaf, std::move(done)); }

void MirrorAck::Add(uint64_t index, Callback done) {
  const int64_t deadline_us = clock_.MonoMicros() + std::chrono::microseconds(options_.limit).count();
  Result<void> at_once;
  {
    MutexLock lock(mutex_);
    if (stopped_) {
      at_once = Fail(ErrorCode::kUnavailable, "the server stops");
    } else if (waiting_.size() >= options_.waiting_max) {
      at_once = Fail(ErrorCode::kResourceExhausted, "{} requests wait for the mirror", waiting_.size());
    } else if (index == kNoLeaf || index >= mirrored_) {
      waiting_.push_back({index, deadline_us, std::move(done)});
      added_ = true;
      wake_.NotifyAll();
      return;
    }
  }
  done(std::move(at_once));
}

void MirrorAck::OnMirrored(uint64_t size) {
  std::vector<Waiting> ready;
  {
    MutexLock lock(mutex_);
    mirrored_ = std::max(mirrored_, size);
    ready = TakeIf(
        [this](const Waiting& waiting) { return waiting.index != kNoLeaf && waiting.index < mirrored_; });
  }
  for (Waiting& waiting : ready) waiting.done({});
}

std::vector<MirrorAck::Waiting> MirrorAck::TakeIf(const std::function<bool(const Waiting&)>& condition) {
  auto rest = std::stable_partition(waiting_.begin(), waiting_.end(),
                                    [&](const Waiting& waiting) { return !condition(waiting); });
  std::vector<Waiting> out(std::make_move_iterator(rest), std::make_move_iterator(waiting_.end()));
  waiting_.erase(rest, waiting_.end());
  return out;
}

void MirrorAck::Run(std::stop_token stop) {
  while (!stop.stop_requested()) {
    std::vector<Waiting> late;
    {
      MutexLock lock(mutex_);
      if (!added_ && !stopped_) wake_.WaitFor(mutex_, kLook);
      added_ = false;
      const int64_t now_us = clock_.MonoMicros();
      late = TakeIf([now_us](const Waiting& waiting) { return waiting.deadline_mono_us <= now_us; });
    }
    for (Waiting& waiting : late)
      waiting.done(Fail(ErrorCode::kDeadlineExceeded, "the mirror has not confirmed within {} ms",
                        options_.limit.count()));
    const uint64_t size = CoverBegins();
    if (size == 0 || stop.stop_requested()) continue;
    // What the checkpoint covers goes to the mirror by itself (Witnessing).
    if (auto done = ledger_.CheckpointAtLeast(size, options_.limit); !done)
      LOG_WARN("serve.mirror_ack.checkpoint", F("why", done.error().message));
  }
}

uint64_t MirrorAck::CoverBegins() {
  std::vector<Waiting> begins;
  uint64_t size = 0;
  {
    MutexLock lock(mutex_);
    begins = TakeIf([](const Waiting& waiting) { return waiting.index == kNoLeaf; });
    for (const Waiting& waiting : waiting_) size = std::max(size, waiting.index + 1);
  }
  if (begins.empty()) return size;
  const Result<uint64_t> beat = options_.beat();
  if (!beat) {
    for (Waiting& waiting : begins) waiting.done(std::unexpected<Error>(beat.error()));
    return size;
  }
  {
    MutexLock lock(mutex_);
    for (Waiting& waiting : begins) {
      waiting.index = *beat;
      waiting_.push_back(std::move(waiting));
    }
  }
  OnMirrored(0);  // the mirror may have the heartbeat already
  return std::max(size, *beat + 1);
}

void MirrorAck::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    wake_.NotifyAll();
  }
  thread_.RequestStop();
  thread_.Join();
  std::vector<Waiting> all;
  {
    MutexLock lock(mutex_);
    all = std::exchange(waiting_, {});
  }
  for (Waiting& waiting : all) waiting.done(Fail(ErrorCode::kUnavailable, "the server stops"));
}

}  // namespace beleg::serve
