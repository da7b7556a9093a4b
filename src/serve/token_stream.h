// The one queue of a request between the engine's thread and its coroutine: no thread is woken for another's token, nor for a piece
// of a text that is wanted whole.
//
// Limits: holds at most what the request may generate (max_tokens of each choice), which admission bounded. A slow client makes it
//         grow to that and no further.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "serve/wakeup.h"

namespace beleg::serve {

class TokenStream final : public engine::GenerationSink {
 public:
  struct Piece {
    int choice = 0;
    std::string text;
    std::optional<engine::SequenceResult> end;  // set: the choice ended, text is empty
  };
  struct Batch {
    std::vector<Piece> pieces;
    std::optional<engine::GenerateResult> done;  // set once, in the last batch
  };

  explicit TokenStream(boost::asio::any_io_executor executor)
      : wakeup_(std::make_shared<Wakeup>(std::move(executor))) {}

  // Waits until there is what is wanted and takes all that is there. On the request's loop. Comes back with less when a Waker() is
  // called, and now and then.
  enum class Until { kPiece, kDone };
  net::Awaitable<Batch> Next(Until until);

  // A function that makes a Next come back; any thread may call it, also after the stream is gone.
  auto Waker() {
    return [wakeup = wakeup_] { wakeup->Notify(); };
  }

  // On the engine's thread.
  void OnText(int sequence, std::string_view text, int64_t tokens) override;
  void OnSequenceDone(int sequence, const engine::SequenceResult& result) override;
  void OnDone(const engine::GenerateResult& result) override;

 private:
  std::shared_ptr<Wakeup> wakeup_;
  Mutex mutex_;
  Batch pending_ GUARDED_BY(mutex_);
  Until until_ GUARDED_BY(mutex_) = Until::kPiece;
};

}  // namespace beleg::serve
