// For tests of what stands on an Engine: a sink that keeps everything and can be waited for.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/mutex.h"
#include "engine/engine.h"

namespace beleg::engine {

class CollectingSink final : public GenerationSink {
 public:
  struct Sequence {
    std::string text;
    int64_t tokens = 0;  // of the pieces
    int pieces = 0;
    bool done = false;
    SequenceResult result;
  };

  void OnText(int sequence, std::string_view text, int64_t tokens) override {
    MutexLock lock(mutex_);
    Sequence& s = At(sequence);
    CHECK(!s.done && !done_, "no text after the end");
    s.text += text;
    s.tokens += tokens;
    ++s.pieces;
    changed_.NotifyAll();
  }
  void OnSequenceDone(int sequence, const SequenceResult& result) override {
    MutexLock lock(mutex_);
    Sequence& s = At(sequence);
    CHECK(!s.done && !done_, "a sequence ends once");
    s.done = true;
    s.result = result;
    changed_.NotifyAll();
  }
  void OnDone(const GenerateResult& result) override {
    MutexLock lock(mutex_);
    CHECK(!done_, "a generation ends once");
    done_ = true;
    result_ = result;
    changed_.NotifyAll();
  }

  // Waits for OnDone; ends the process when it does not come in a minute.
  GenerateResult WaitDone() {
    MutexLock lock(mutex_);
    while (!done_) CHECK(changed_.WaitFor(mutex_, kPatience) || done_, "the generation hangs");
    return result_;
  }
  void WaitPieces(int count) {
    MutexLock lock(mutex_);
    while (At(0).pieces < count && !done_) CHECK(changed_.WaitFor(mutex_, kPatience), "the generation hangs");
  }

  bool done() const {
    MutexLock lock(mutex_);
    return done_;
  }
  Sequence sequence(int index = 0) const {
    MutexLock lock(mutex_);
    return static_cast<size_t>(index) < sequences_.size() ? sequences_[static_cast<size_t>(index)]
                                                          : Sequence{};
  }
  std::string text(int index = 0) const { return sequence(index).text; }

 private:
  static constexpr std::chrono::microseconds kPatience = std::chrono::minutes(1);

  Sequence& At(int index) REQUIRES(mutex_) {
    if (sequences_.size() <= static_cast<size_t>(index)) sequences_.resize(static_cast<size_t>(index) + 1);
    return sequences_[static_cast<size_t>(index)];
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Sequence> sequences_ GUARDED_BY(mutex_);
  bool done_ GUARDED_BY(mutex_) = false;
  GenerateResult result_ GUARDED_BY(mutex_);
};

}  // namespace beleg::engine
