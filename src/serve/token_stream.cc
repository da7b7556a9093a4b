#include "serve/token_stream.h"

namespace beleg::serve {

net::Awaitable<TokenStream::Batch> TokenStream::Next() {
  while (true) {
    {
      MutexLock lock(mutex_);
      if (!pending_.pieces.empty() || pending_.done) co_return std::exchange(pending_, {});
    }
    co_await wakeup_->Wait();
  }
}

void TokenStream::OnText(int sequence, std::string_view text, int64_t) {
  {
    MutexLock lock(mutex_);
    std::vector<Piece>& pieces = pending_.pieces;
    if (!pieces.empty() && pieces.back().choice == sequence && !pieces.back().end) {
      pieces.back().text += text;  // the client is slower than the engine: send more at once
    } else {
      pieces.push_back({sequence, std::string(text), std::nullopt});
    }
  }
  wakeup_->Notify();
}

void TokenStream::OnSequenceDone(int sequence, const engine::SequenceResult& result) {
  MutexLock lock(mutex_);
  pending_.pieces.push_back({sequence, "", result});
}

void TokenStream::OnDone(const engine::GenerateResult& result) {
  {
    MutexLock lock(mutex_);
    pending_.done = result;
  }
  wakeup_->Notify();
}

}  // namespace beleg::serve
