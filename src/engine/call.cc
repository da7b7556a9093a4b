#include "engine/call.h"

#include <utility>

#include "base/check.h"

namespace beleg::engine {

Call::Call(GenerateRequest request, GenerationSink& sink, int64_t started_us)
    : request_(std::move(request)),
      sink_(sink),
      started_us_(started_us),
      results_(static_cast<size_t>(request_.sequences)),
      ended_(results_.size()),
      open_sequences_(request_.sequences) {}

void Call::OnText(int sequence, std::string_view text, int64_t tokens) {
  if (!abandoned_) sink_.OnText(sequence, text, tokens);
}

void Call::EndSequence(int sequence, FinishReason reason, int64_t output_tokens) {
  auto at = static_cast<size_t>(sequence);
  CHECK(!ended_[at], "a sequence ends once");
  ended_[at] = true;
  --open_sequences_;
  results_[at] = {reason, output_tokens};
  if (!abandoned_) sink_.OnSequenceDone(sequence, results_[at]);
}

void Call::Finish(FinishReason reason, std::string error, int64_t now_us) {
  for (size_t i = 0; i < results_.size(); ++i) {
    if (!ended_[i]) EndSequence(static_cast<int>(i), reason, 0);
  }
  GenerateResult result;
  result.sequences = results_;
  result.error = std::move(error);
  result.prompt_tokens = static_cast<int64_t>(request_.prompt.size());
  result.cached_tokens = cached_tokens_;
  if (prefill_us_ >= 0) {
    result.queue_us = prefill_us_ - started_us_;
    result.prefill_us = (decode_us_ >= 0 ? decode_us_ : now_us) - prefill_us_;
    if (decode_us_ >= 0) result.decode_us = now_us - decode_us_;
  }
  if (!abandoned_) sink_.OnDone(result);
  MutexLock lock(mutex_);
  finished_ = true;
  ended_condition_.NotifyAll();
}

bool Call::finished() const {
  MutexLock lock(mutex_);
  return finished_;
}

void Call::Abandon(pthread_t engine_thread) {
  if (::pthread_equal(::pthread_self(), engine_thread)) {
    abandoned_ = true;
    return;
  }
  MutexLock lock(mutex_);
  while (!finished_) ended_condition_.Wait(mutex_);
}

}  // namespace beleg::engine
