#include "engine/llama/chat_template.h"

#include <llama.h>

#include <algorithm>
#include <array>
#include <exception>

#include "wire/sha256.h"

namespace beleg::engine {
namespace {

constexpr std::array<std::string_view, 4> kRoles = {"system", "user", "assistant", "tool"};

// The role as templates know it: "developer" is OpenAI's later word for "system".
Result<std::string_view> TemplateRole(const ChatMessage& message, size_t index) {
  if (message.role == "developer") return kRoles[0];
  auto role = std::find(kRoles.begin(), kRoles.end(), message.role);
  if (role == kRoles.end()) {
    return Fail(ErrorCode::kInvalidArgument,
                "messages[{}].role \"{}\": want system, developer, user, assistant or tool", index,
                message.role);
  }
  return *role;
}

}  // namespace

Result<std::string> ChatTemplate::Render(const std::vector<ChatMessage>& messages) const {
  if (text_.empty()) return Fail(ErrorCode::kFailedPrecondition, "the model has no chat template");
  std::vector<llama_chat_message> chat;
  size_t bytes = 256;
  for (size_t i = 0; i < messages.size(); ++i) {
    TRY_ASSIGN(std::string_view role, TemplateRole(messages[i], i));
    const std::string& content = messages[i].content;
    if (content.find('\0') != std::string::npos) {
      return Fail(ErrorCode::kInvalidArgument, "messages[{}].content: a NUL byte", i);
    }
    chat.push_back({role.data(), content.c_str()});
    bytes += content.size() + 64;
  }
  try {
    std::string out(bytes, '\0');
    for (int tries = 0; tries < 2; ++tries) {
      int32_t size = llama_chat_apply_template(text_.c_str(), chat.data(), chat.size(), true, out.data(),
                                               static_cast<int32_t>(out.size()));
      if (size < 0) break;
      bool fits = static_cast<size_t>(size) <= out.size();
      out.resize(static_cast<size_t>(size));
      if (fits) return out;
    }
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInternal, "the chat template failed: {}", error.what());
  }
  return Fail(ErrorCode::kFailedPrecondition, "the model's chat template is not one that this engine knows");
}

Hash32 ChatTemplate::Hash() const { return text_.empty() ? Hash32{} : wire::Sha256(text_); }

}  // namespace beleg::engine
