// The one queue of a request between the engine's thread and its coroutine: no thread is woken for another's token.
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

  // Waits for something and takes all that is there. On the request's loop.
  net::Awaitable<Batch> Next();

  // On the engine's thread.
  void OnText(int sequence, std::string_view text, int64_t tokens) override;
  void OnSequenceDone(int sequence, const engine::SequenceResult& result) override;
  void OnDone(const engine::GenerateResult& result) override;

 private:
  std::shared_ptr<Wakeup> wakeup_;
  Mutex mutex_;
  Batch pending_ GUARDED_BY(mutex_);
};

}  // namespace beleg::serve
