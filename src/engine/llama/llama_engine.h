// The engine on llama.cpp's C API; the only folder that includes llama.h.
#pragma once

#include <memory>
#include <string>

#include "engine/engine.h"

namespace beleg::engine {

struct LlamaOptions {
  std::string model_path{};
  std::string served_name{};  // "" : the file's base name without .gguf, lower case
  std::string
      backend_dir{};  // folder of the ggml back ends; "": where the build found them, else beside the binary
  int threads = 0;    // 0: as many as cores
  int sequences_max = 16;
  int waiting_max = 256;
  int64_t context_tokens = 0;  // of one sequence; 0: min(model's own, 4096)
  int prefill_chunk_tokens =
      512;  // prompt tokens computed in one step at most, so that a newcomer does not stall others
  int gpu_layers = -1;  // all, where there is a GPU back end
};

// Loads the model. Errors: kNotFound, kPermissionDenied (file) · kDataLoss (not a GGUF, or cut short: says so) ·
// kResourceExhausted (memory).
Result<std::unique_ptr<Engine>> OpenLlama(LlamaOptions options);

}  // namespace beleg::engine
