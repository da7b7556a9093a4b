// PrefillBudget says how many prompt tokens a step may compute, so that those who are being answered do not wait long for
// a newcomer's prompt. It learns how fast this machine is.
#pragma once

#include <algorithm>
#include <cstdint>

namespace beleg::engine {

class PrefillBudget {
 public:
  // chunk_max: tokens a step at most, whoever waits.
  explicit PrefillBudget(int64_t chunk_max) : chunk_max_(chunk_max) {}

  // others_wait: the step also makes tokens of running answers.
  int64_t Tokens(bool others_wait) const {
    if (!others_wait) return chunk_max_;
    auto tokens = static_cast<int64_t>(tokens_per_us_ * kStallUs);
    return std::clamp(tokens, std::min(kChunkMin, chunk_max_), chunk_max_);
  }

  // A step computed so many prompt tokens in so long.
  void Observe(int64_t prompt_tokens, int64_t took_us) {
    if (prompt_tokens < kChunkMin || took_us <= 0) return;
    double now = static_cast<double>(prompt_tokens) / static_cast<double>(took_us);
    tokens_per_us_ = tokens_per_us_ == 0 ? now : tokens_per_us_ + kWeight * (now - tokens_per_us_);
  }

 private:
  static constexpr double kStallUs = 200'000;  // what a newcomer may add to the others' wait for a token
  static constexpr int64_t kChunkMin = 32;     // below it a step's fixed cost counts
  static constexpr double kWeight = 0.3;       // of the newest observation

  const int64_t chunk_max_;
  double tokens_per_us_ = 0;
};

}  // namespace beleg::engine
