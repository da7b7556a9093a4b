#include "engine/inbox.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"

namespace beleg::engine {

class Inbox::Handle final : public Generation {
 public:
  Handle(std::shared_ptr<Call> call, std::shared_ptr<Inbox> inbox)
      : call_(std::move(call)), inbox_(std::move(inbox)) {}
  ~Handle() override {
    if (call_->finished()) return;
    Cancel();
    call_->Abandon(inbox_->engine_thread_);
  }
  void Cancel() override {
    call_->Cancel();
    inbox_->NoteCancel();
  }

 private:
  const std::shared_ptr<Call> call_;
  const std::shared_ptr<Inbox> inbox_;
};

Result<std::unique_ptr<Generation>> Inbox::Submit(GenerateRequest request, GenerationSink& sink) {
  TRY(CheckRequest(request));
  int sequences = request.sequences;
  auto call = std::make_shared<Call>(std::move(request), sink, SystemClock().MonoMicros());
  TRY_ASSIGN(bool admitted, Enter(call, sequences));
  if (admitted)
    news_there_.NotifyOne();  // the lock is free again, which is the first that the woken thread wants
  return std::make_unique<Handle>(std::move(call), shared_from_this());
}

Result<bool> Inbox::Enter(const std::shared_ptr<Call>& call, int sequences) {
  MutexLock lock(mutex_);
  if (closed_) return Fail(ErrorCode::kUnavailable, "the engine has stopped");
  if (waiting_.empty() && sequences <= free_sequences_) {
    free_sequences_ -= sequences;
    ++running_;
    admitted_.push_back(call);
    return true;
  }
  if (waiting_.size() < static_cast<size_t>(limits_.waiting_max)) {
    waiting_.push_back(call);
    return false;
  }
  return Fail(ErrorCode::kResourceExhausted, "the engine is full: {} generations run and {} wait, the limit",
              running_, waiting_.size());
}

void Inbox::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  news_there_.NotifyOne();
}

int64_t Inbox::running() const {
  MutexLock lock(mutex_);
  return running_;
}

int64_t Inbox::waiting() const {
  MutexLock lock(mutex_);
  return static_cast<int64_t>(waiting_.size());
}

void Inbox::Wait(std::optional<int64_t> until_us, News& news) {
  news.admitted.clear();
  news.dropped.clear();
  MutexLock lock(mutex_);
  while (!HasNews()) {
    if (!until_us)
      news_there_.Wait(mutex_);
    else if (!news_there_.WaitUntil(mutex_, *until_us))
      break;
  }
  news.cancelled = std::exchange(cancelled_, false);
  news.closed = closed_;
  if (news.cancelled || news.closed) Drop(news.dropped);
  news.admitted.swap(admitted_);
}

void Inbox::ReleaseSequence() {
  MutexLock lock(mutex_);
  ++free_sequences_;
  AdmitWaiting();
}

void Inbox::ReleaseCall() {
  MutexLock lock(mutex_);
  --running_;
}

Result<void> Inbox::CheckRequest(const GenerateRequest& request) const {
  auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  if (prompt_tokens == 0) return Fail(ErrorCode::kInvalidArgument, "the prompt is empty");
  if (prompt_tokens + 1 > limits_.context_tokens) {
    return Fail(ErrorCode::kInvalidArgument,
                "the prompt has {} tokens; with one token of answer the context holds {}", prompt_tokens,
                limits_.context_tokens);
  }
  for (Token token : request.prompt) {
    if (token < 0 || token >= limits_.vocabulary_size) {
      return Fail(ErrorCode::kInvalidArgument, "prompt: token {} is not in the vocabulary of {}", token,
                  limits_.vocabulary_size);
    }
  }
  if (request.max_tokens < 1)
    return Fail(ErrorCode::kInvalidArgument, "max_tokens {}: want at least 1", request.max_tokens);
  if (request.sequences < 1 || request.sequences > limits_.sequences_max) {
    return Fail(ErrorCode::kInvalidArgument, "n: must be within 1 and {}, not {}", limits_.sequences_max,
                request.sequences);
  }
  for (const std::string& stop : request.stop) {
    if (!IsUtf8(stop)) return Fail(ErrorCode::kInvalidArgument, "stop: a text is not UTF-8");
  }
  return {};
}

bool Inbox::HasNews() const { return !admitted_.empty() || cancelled_ || closed_; }

// The first of the queue goes first even where a later one, with fewer sequences, would fit: nobody starves.
void Inbox::AdmitWaiting() {
  while (!waiting_.empty() && waiting_.front()->request().sequences <= free_sequences_) {
    free_sequences_ -= waiting_.front()->request().sequences;
    ++running_;
    admitted_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

void Inbox::Drop(Calls& dropped) {
  std::deque<std::shared_ptr<Call>> kept;
  for (std::shared_ptr<Call>& call : waiting_) {
    if (closed_ || call->cancelled()) {
      dropped.push_back(std::move(call));
    } else {
      kept.push_back(std::move(call));
    }
  }
  waiting_.swap(kept);
  if (!closed_) AdmitWaiting();
}

void Inbox::NoteCancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  news_there_.NotifyOne();
}

}  // namespace beleg::engine
