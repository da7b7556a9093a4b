#include "engine/llama/model.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "engine/llama/library.h"
#include "engine/llama/model_file.h"

namespace beleg::engine {
namespace {

constexpr int64_t kContextDefault = 4096;

std::string BaseName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

std::string ServedName(std::string file) {
  if (file.ends_with(".gguf")) file.resize(file.size() - 5);
  std::transform(file.begin(), file.end(), file.begin(),
                 [](char c) { return 'A' <= c && c <= 'Z' ? c - 'A' + 'a' : c; });
  return file;
}

std::string TemplateText(const llama_model* model) {
  const char* text = llama_model_chat_template(model, nullptr);
  return text == nullptr ? "" : text;
}

// llama.cpp says why only in its log.
std::unexpected<Error> FailLoad(const std::string& path, const std::string& why) {
  ErrorCode code = why.find("alloc") != why.npos                        ? ErrorCode::kResourceExhausted
                   : why.find("unknown model architecture") != why.npos ? ErrorCode::kUnimplemented
                                                                        : ErrorCode::kDataLoss;
  return Fail(code, "{}: llama.cpp cannot load it: {}", path, why.empty() ? "no reason given" : why);
}

Result<llama_model_ptr> LoadWeights(const LlamaOptions& options) {
  llama_model_params params = llama_model_default_params();
  params.n_gpu_layers = options.gpu_layers;
  TakeLastError();
  try {
    llama_model_ptr model(llama_model_load_from_file(options.model_path.c_str(), params));
    if (!model) return FailLoad(options.model_path, TakeLastError());
    return model;
  } catch (const std::exception& error) {
    return FailLoad(options.model_path, error.what());
  }
}

Result<int64_t> ContextTokens(const LlamaOptions& options, const llama_model* model) {
  int64_t trained = llama_model_n_ctx_train(model);
  if (options.context_tokens == 0) return std::min(trained, kContextDefault);
  if (options.context_tokens < 1 || options.context_tokens > trained) {
    return Fail(ErrorCode::kInvalidArgument, "a context of {} tokens: the model was trained with {}",
                options.context_tokens, trained);
  }
  return options.context_tokens;
}

}  // namespace

Result<std::unique_ptr<Model>> Model::Load(const LlamaOptions& options) {
  const std::string& path = options.model_path;
  int64_t start_us = SystemClock().MonoMicros();
  TRY_ASSIGN(uint64_t bytes, CheckModelFile(path));
  TRY(LoadBackends(options.backend_dir));
  TRY_ASSIGN(Hash32 hash, HashModelFile(path));
  int64_t hashed_us = SystemClock().MonoMicros();
  TRY_ASSIGN(llama_model_ptr weights, LoadWeights(options));
  if (!llama_model_has_decoder(weights.get()) || llama_model_has_encoder(weights.get())) {
    return Fail(ErrorCode::kUnimplemented, "{}: only models that decode alone are served", path);
  }
  ModelInfo info;
  info.file = BaseName(path);
  info.name = options.served_name.empty() ? ServedName(info.file) : options.served_name;
  info.weights_sha256 = hash;
  info.weights_bytes = bytes;
  info.engine_name = "llama.cpp";
  info.engine_version = llama_version();
  TRY_ASSIGN(info.context_tokens, ContextTokens(options, weights.get()));
  info.parameter_count = static_cast<int64_t>(llama_model_n_params(weights.get()));
  auto model = std::make_unique<Model>(std::move(weights), std::move(info));
  LOG_INFO("engine.model_loaded", F("file", path), F("bytes", bytes), F("sha256", HexEncode(AsView(hash))),
           F("hash_ms", (hashed_us - start_us) / 1000),
           F("load_ms", (SystemClock().MonoMicros() - hashed_us) / 1000));
  return model;
}

Model::Model(llama_model_ptr model, ModelInfo info)
    : model_(std::move(model)),
      vocabulary_(llama_model_get_vocab(model_.get())),
      chat_template_(TemplateText(model_.get())),
      info_(std::move(info)) {
  info_.tokenizer_sha256 = vocabulary_.Hash();
  info_.token_bytes_max = vocabulary_.LongestText();
  info_.chat_template_sha256 = chat_template_.Hash();
}

}  // namespace beleg::engine
