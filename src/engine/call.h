// What the two sides of a generation share: the caller's handle cancels and waits, the engine's thread makes the calls of
// the sink. Both hold the Call, so it ends with the later of them.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "engine/engine.h"

namespace beleg::engine {

class Call {
 public:
  Call(GenerateRequest request, GenerationSink& sink, int64_t started_us);

  const GenerateRequest& request() const { return request_; }

  // --- the engine's thread alone ---
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  // The first prompt token is about to be computed; the first output token is there.
  void MarkPrefill(int64_t now_us) { prefill_us_ = now_us; }
  void MarkDecode(int64_t now_us) { decode_us_ = decode_us_ < 0 ? now_us : decode_us_; }
  void set_cached_tokens(int64_t tokens) { cached_tokens_ = tokens; }
  void OnText(int sequence, std::string_view text, int64_t tokens);
  // Ends one sequence; once each.
  void EndSequence(int sequence, FinishReason reason, int64_t output_tokens);
  bool SequenceEnded(int sequence) const { return ended_[static_cast<size_t>(sequence)]; }
  int open_sequences() const { return open_sequences_; }
  // Ends the sequences that are open (with output_tokens 0: end those that made some before), and the call: OnDone.
  void Finish(FinishReason reason, std::string error, int64_t now_us);

  // --- the handle, any thread ---
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  bool finished() const;
  // After it the sink is not called again. Waits for Finish, except on engine_thread.
  void Abandon(pthread_t engine_thread);

 private:
  const GenerateRequest request_;
  GenerationSink& sink_;
  const int64_t started_us_;
  std::atomic<bool> cancelled_ = false;

  // Of the engine's thread.
  bool abandoned_ = false;  // the sink may be gone
  int64_t prefill_us_ = -1;
  int64_t decode_us_ = -1;
  int64_t cached_tokens_ = 0;
  std::vector<SequenceResult> results_;
  std::vector<bool> ended_;
  int open_sequences_;

  mutable Mutex mutex_;
  CondVar ended_condition_;
  bool finished_ GUARDED_BY(mutex_) = false;
};

}  // namespace beleg::engine
