// The model's chat template, by llama.cpp's list of known ones (chatml, llama 2 and 3, mistral, gemma, phi …); templates in
// Jinja that are none of these are not run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/engine.h"

namespace beleg::engine {

class ChatTemplate {
 public:
  // text: the template in the model's file; "": it has none.
  explicit ChatTemplate(std::string text) : text_(std::move(text)) {}

  // As Engine::Render. A message's content with a NUL byte is kInvalidArgument: llama.cpp would cut it there unseen.
  Result<std::string> Render(const std::vector<ChatMessage>& messages) const;

  // SHA-256 of the text; zeros where there is none.
  Hash32 Hash() const;

 private:
  const std::string text_;
};

}  // namespace beleg::engine
