// Inbox is the door to an engine's thread: it checks and admits calls, first come first served, and says which of them may
// run. Admission is decided in Submit, not when the thread gets to it, so it depends on load alone.
//
// Threads: Submit, Close and the counts from any; Wait, Release* from the engine's one thread, which calls Bind first.
// Limits:  sequences_max sequences hold a place; waiting_max calls wait for one, then Submit refuses. A prompt is at most
//          context_tokens long, so both are limits in bytes too.
// Shared:  the handles keep the inbox alive, so that one may be cancelled or destroyed after the engine.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "engine/call.h"
#include "engine/engine.h"

namespace beleg::engine {

class Inbox : public std::enable_shared_from_this<Inbox> {
 public:
  struct Limits {
    int sequences_max;
    int waiting_max;
    int64_t context_tokens;
    Token vocabulary_size;  // tokens are 0 .. vocabulary_size - 1
  };
  using Calls = std::vector<std::shared_ptr<Call>>;

  explicit Inbox(Limits limits) : limits_(limits), free_sequences_(limits.sequences_max) {}

  // As Engine::Start. The handle keeps the inbox alive.
  Result<std::unique_ptr<Generation>> Submit(GenerateRequest request, GenerationSink& sink);

  // No more calls are taken; what waits comes out of Wait as dropped.
  void Close();

  int64_t running() const;
  int64_t waiting() const;

  // --- the engine's thread ---
  void Bind() { engine_thread_ = ::pthread_self(); }

  struct News {
    Calls admitted;          // hold their places: run them
    Calls dropped;           // cancelled, or the inbox closed, before they had a place: Finish them
    bool cancelled = false;  // a call was cancelled since the last Wait: look at those that run
    bool closed = false;
  };
  // Waits for news until the monotonic time until_us; no time: as long as it takes; a past time: does not wait.
  void Wait(std::optional<int64_t> until_us, News& news);

  // A sequence's place is free; the last sequence of a call ended.
  void ReleaseSequence();
  void ReleaseCall();

 private:
  class Handle;

  Result<void> CheckRequest(const GenerateRequest& request) const;
  // True: it may run at once. False: it waits for a place.
  Result<bool> Enter(const std::shared_ptr<Call>& call, int sequences);
  bool HasNews() const REQUIRES(mutex_);
  void AdmitWaiting() REQUIRES(mutex_);
  void Drop(Calls& dropped) REQUIRES(mutex_);
  void NoteCancel();

  const Limits limits_;
  std::atomic<pthread_t> engine_thread_{};

  mutable Mutex mutex_;
  CondVar news_there_;
  std::deque<std::shared_ptr<Call>> waiting_ GUARDED_BY(mutex_);
  Calls admitted_ GUARDED_BY(mutex_);  // not yet fetched by Wait
  int free_sequences_ GUARDED_BY(mutex_);
  int64_t running_ GUARDED_BY(mutex_) = 0;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace beleg::engine
