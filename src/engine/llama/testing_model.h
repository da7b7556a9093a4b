// For tests of this folder: the small model that `make setup` brings.
#pragma once

#include <cstdlib>
#include <string>

#include "engine/llama/llama_engine.h"

namespace beleg::engine {

inline std::string TestModelPath() {
  const char* given = std::getenv("BELEG_TEST_MODEL");
  return given != nullptr ? given : BELEG_TEST_MODEL;
}

// One thread: two that wait for each other are slow where others use the cores.
inline LlamaOptions TestModelOptions() {
  return {.model_path = TestModelPath(),
          .threads = 1,
          .sequences_max = 16,
          .waiting_max = 64,
          .context_tokens = 256};
}

}  // namespace beleg::engine
