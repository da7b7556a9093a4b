// The process-wide side of llama.cpp: its back ends, its log, its last word.
#pragma once

#include <string>

#include "base/result.h"

namespace beleg::engine {

// Loads ggml's back ends from dir, picks the best for this CPU, and sends llama.cpp's log to ours (debug; warnings and
// errors as warnings). "": where the build found them, else ../lib/beleg from the binary. The first call that succeeds
// decides; later ones do nothing. kFailedPrecondition: no usable back end there. Any thread.
Result<void> LoadBackends(const std::string& dir);

// The last error that llama.cpp logged since the last call, on any thread; "": none. It says why a null came back.
std::string TakeLastError();

}  // namespace beleg::engine
