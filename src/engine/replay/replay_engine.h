// A scripted engine for tests and benches: no model, a step costs nothing unless told. It echoes a text of its own, one
// word a token, and obeys words in the prompt, so that a client can provoke every outcome:
//   REPLAY:TOKENS=n     answer of n tokens (else the script's length, cut by max_tokens)
//   REPLAY:DELAY_MS=n   wait between tokens
//   REPLAY:FAIL_AT=n    the engine fails after n tokens
//   REPLAY:HANG         produce nothing until cancelled
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace beleg::engine {

struct ReplayOptions {
  std::string served_name = "replay";
  int64_t tokens = 16;     // of an answer unless the prompt says else
  int64_t delay_us = 0;    // between tokens
  int sequences_max = 256;
  int waiting_max = 4096;
  int64_t context_tokens = 1 << 20;
};

std::unique_ptr<Engine> OpenReplay(ReplayOptions options);

}  // namespace beleg::engine
