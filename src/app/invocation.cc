#include "app/invocation.h"

#include "io/file.h"

namespace beleg::app {
namespace {

constexpr std::string_view kDemoModel = "demo";

}  // namespace

Result<std::vector<std::string>> OwnArguments(std::vector<std::string> arguments) {
  if (arguments.empty()) return arguments;
  std::string name = arguments[0].substr(arguments[0].rfind('/') + 1);
  if (name == "otelcol-contrib" || name == "otelcol") {
    bool asks_version = arguments.size() > 1 && (arguments[1] == "--version" || arguments[1] == "-v");
    if (asks_version)
      arguments[1] = "--version";
    else
      arguments.insert(arguments.begin() + 1, "collector");
  }
  if (name == "vllm" && arguments.size() > 2 && arguments[1] == "serve" && !arguments[2].starts_with('-')) {
    TRY(CheckModel(arguments[2], "vllm"));
    arguments.insert(arguments.begin() + 2, "--model");
  }
  return arguments;
}

Result<void> CheckModel(const std::string& model, std::string_view program) {
  if (model == kDemoModel) return {};
  TRY_ASSIGN(bool exists, io::PosixFileSystem().Exists(model));
  if (exists) return {};
  return Fail(
      ErrorCode::kNotFound,
      "no model '{}': there is no such file. beleg runs GGUF files and downloads nothing from Hugging Face.\n"
      "  {} serve ./MODEL.gguf    with a GGUF file of that model, fetched by you\n"
      "  {} serve demo            with the small model that came along\n"
      "It cannot stand before a real vLLM yet; to serve '{}' from its own weights, run the real one",
      model, program, program, model);
}

}  // namespace beleg::app
