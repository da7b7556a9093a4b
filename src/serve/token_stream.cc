#include "serve/token_stream.h"

namespace beleg::serve {

net::Awaitable<TokenStream::Batch> TokenStream::Next(Until until) {
  {
    MutexLock lock(mutex_);
    until_ = until;
    const bool has_piece = until == Until::kPiece && !pending_.pieces.empty();
    if (has_piece || pending_.done) co_return std::exchange(pending_, {});
  }
  co_await wakeup_->Wait();
  MutexLock lock(mutex_);
  co_return std::exchange(pending_, {});
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
    if (until_ == Until::kDone) return;
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
