// Sampler draws the next token of one sequence. Engine's thread only.
#pragma once

#include <llama-cpp.h>

#include "engine/engine.h"

namespace beleg::engine {

class Sampler {
 public:
  // sequence: which of a request's n; each draws another stream from the same seed. Repetition counts prompt and answer,
  // presence and frequency the answer alone (as vLLM).
  Sampler(const Sampling& sampling, const llama_vocab* vocabulary, const std::vector<Token>& prompt,
          int sequence);

  // From the logits of output row of the context's last batch. Cost: one pass over the vocabulary; with temperature some
  // more, a sort of the likely part with top_p.
  Token Sample(llama_context* context, int32_t row);

 private:
  llama_sampler_ptr chain_;  // null: the likeliest token, nothing else
  int32_t vocabulary_size_;
};

}  // namespace beleg::engine
