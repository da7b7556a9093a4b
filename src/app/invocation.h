// The names under which the binary is called: by a link it stands in for the program that people have.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace beleg::app {

// The arguments as beleg's own. `otelcol-contrib ARGS` (or otelcol) is `beleg collector ARGS`; `vllm serve MODEL ARGS` is
// `beleg serve --model MODEL ARGS`; anything else stays.
// kNotFound: vllm's model is no file; the message says what to do.
Result<std::vector<std::string>> OwnArguments(std::vector<std::string> arguments);

// "demo" or a file. kNotFound: neither, such as a Hugging Face name; the message says what to type instead, to `program`.
Result<void> CheckModel(const std::string& model, std::string_view program);

}  // namespace beleg::app
