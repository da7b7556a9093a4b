#include "engine/llama/sampler.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "base/rng.h"
#include "engine/llama/largest.h"

namespace beleg::engine {
namespace {

// The window of the penalties: all of a sequence that fits a context, in tokens. It is memory, so it has a limit.
constexpr int32_t kPenaltyWindow = 8192;

void Add(llama_sampler* chain, llama_sampler* sampler) { llama_sampler_chain_add(chain, sampler); }

uint32_t SeedOf(const Sampling& sampling, int sequence) {
  uint64_t seed;
  if (sampling.seed) {
    seed = *sampling.seed;
  } else {
    SystemRng().Fill(&seed, sizeof seed);
  }
  uint64_t mixed = SeededRng(seed + static_cast<uint64_t>(sequence)).Next();
  auto out = static_cast<uint32_t>(mixed >> 32);
  return out == LLAMA_DEFAULT_SEED ? out - 1 : out;  // that one means "draw one yourself"
}

void AddPenalties(llama_sampler* chain, const Sampling& s, int32_t vocabulary_size,
                  const std::vector<Token>& prompt) {
  auto repetition = static_cast<float>(s.repetition_penalty);
  if (repetition != 1.0f) {
    llama_sampler* penalties =
        llama_sampler_init_penalties(vocabulary_size, kPenaltyWindow, repetition, 0, 0);
    for (Token token : prompt) llama_sampler_accept(penalties, token);
    Add(chain, penalties);
  }
  auto frequency = static_cast<float>(s.frequency_penalty);
  auto presence = static_cast<float>(s.presence_penalty);
  if (frequency != 0 || presence != 0) {
    Add(chain, llama_sampler_init_penalties(vocabulary_size, kPenaltyWindow, 1.0f, frequency, presence));
  }
}

void AddDraw(llama_sampler* chain, const Sampling& s, int sequence) {
  if (s.top_k > 0) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    Add(chain, llama_sampler_init_top_k(static_cast<int32_t>(std::min(s.top_k, kMost))));
  }
  if (s.top_p < 1) Add(chain, llama_sampler_init_top_p(static_cast<float>(s.top_p), 1));
  if (s.min_p > 0) Add(chain, llama_sampler_init_min_p(static_cast<float>(s.min_p), 1));
  Add(chain, llama_sampler_init_temp(static_cast<float>(s.temperature)));
  Add(chain, llama_sampler_init_dist(SeedOf(s, sequence)));
}

}  // namespace

Sampler::Sampler(const Sampling& sampling, const llama_vocab* vocabulary, const std::vector<Token>& prompt,
                 int sequence)
    : vocabulary_size_(llama_vocab_n_tokens(vocabulary)) {
  bool greedy = sampling.temperature <= 0;
  bool penalties =
      sampling.repetition_penalty != 1 || sampling.frequency_penalty != 0 || sampling.presence_penalty != 0;
  if (greedy && !penalties) return;
  llama_sampler_chain_params params = llama_sampler_chain_default_params();
  params.no_perf = true;
  chain_.reset(llama_sampler_chain_init(params));
  AddPenalties(chain_.get(), sampling, vocabulary_size_, prompt);
  if (greedy) {
    Add(chain_.get(), llama_sampler_init_greedy());
  } else {
    AddDraw(chain_.get(), sampling, sequence);
  }
}

Token Sampler::Sample(llama_context* context, int32_t row) {
  if (chain_) return llama_sampler_sample(chain_.get(), context, row);
  const float* logits = llama_get_logits_ith(context, row);
  CHECK(logits != nullptr, "the row was added with wants_logits");
  return IndexOfLargest(logits, vocabulary_size_);
}

}  // namespace beleg::engine
