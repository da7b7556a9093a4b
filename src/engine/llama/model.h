// Model is the loaded weights with what belongs to them: vocabulary, chat template, the facts for the record. Const and
// safe from any thread once loaded.
#pragma once

#include <memory>
#include <string>

#include <llama-cpp.h>

#include "base/result.h"
#include "engine/engine.h"
#include "engine/llama/chat_template.h"
#include "engine/llama/llama_engine.h"
#include "engine/llama/vocabulary.h"

namespace beleg::engine {

class Model {
 public:
  // Errors as OpenLlama's. Reads the file twice: once for its hash.
  static Result<std::unique_ptr<Model>> Load(const LlamaOptions& options);
  Model(llama_model_ptr model, ModelInfo info);  // for Load

  llama_model* get() const { return model_.get(); }
  const llama_vocab* raw_vocabulary() const { return llama_model_get_vocab(model_.get()); }
  const Vocabulary& vocabulary() const { return vocabulary_; }
  const ChatTemplate& chat_template() const { return chat_template_; }
  const ModelInfo& info() const { return info_; }

 private:
  const llama_model_ptr model_;
  const Vocabulary vocabulary_;
  const ChatTemplate chat_template_;
  ModelInfo info_;
};

}  // namespace beleg::engine
