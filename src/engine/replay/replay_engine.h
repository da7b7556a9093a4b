// A scripted engine for tests and benches: no model, a step costs nothing unless told. It tells a text of its own, one
// word a token, and obeys words in the prompt, so that a client can provoke every outcome:
//   REPLAY:TOKENS=n     the answer has n tokens (else options.tokens)
//   REPLAY:DELAY_MS=n   wait between tokens
//   REPLAY:FAIL_AT=n    the engine fails after n tokens
//   REPLAY:HANG         produce nothing until cancelled
// n is at most 268435455; of the same word the last one counts; other words are just words.
//
// An answer ends with kStop after its tokens (ignore_eos: never), with kLength where max_tokens or the context cut it.
// Sequence k of a request starts k words later in the text. Sampling has no effect: the same request gives the same text.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace beleg::engine {

struct ReplayOptions {
  std::string served_name = "replay";
  int64_t tokens = 16;   // of an answer unless the prompt says else
  int64_t delay_us = 0;  // between tokens
  int64_t tokens_per_step =
      16;  // tokens of one OnText when there is no delay; with a delay always 1. At most 64
  int sequences_max = 256;
  int waiting_max = 4096;
  int64_t context_tokens = 1 << 20;
};

std::unique_ptr<Engine> OpenReplay(ReplayOptions options);

}  // namespace beleg::engine
