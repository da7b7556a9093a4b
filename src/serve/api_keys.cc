#include "serve/api_keys.h"

#include <algorithm>

namespace beleg::serve {
namespace {

constexpr size_t kNameBytesMax = 32;

bool IsName(std::string_view text) {
  auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= kNameBytesMax && std::ranges::all_of(text, allowed);
}

}  // namespace

Result<ApiKeys> ApiKeys::Parse(const std::vector<std::string>& keys) {
  ApiKeys out;
  for (size_t i = 0; i < keys.size(); ++i) {
    Key key{fmt::format("key-{}", i + 1), keys[i]};
    size_t colon = keys[i].find(':');
    if (colon != std::string::npos && IsName(std::string_view(keys[i]).substr(0, colon)))
      key = {keys[i].substr(0, colon), keys[i].substr(colon + 1)};
    if (key.secret.empty()) return Fail(ErrorCode::kInvalidArgument, "API key {} is empty", i + 1);
    out.keys_.push_back(std::move(key));
  }
  return out;
}

std::optional<std::string> ApiKeys::Authenticate(const net::HttpHeaders& headers) const {
  if (keys_.empty()) return "anonymous";
  std::optional<std::string_view> token = net::BearerToken(headers);
  std::optional<std::string> caller;
  for (const Key& key : keys_)
    if (token && net::EqualSecret(*token, key.secret)) caller = key.name;
  return caller;
}

}  // namespace beleg::serve
