#include "net/http.h"

#include <algorithm>

#include <openssl/crypto.h>

#include "base/bytes.h"
#include "wire/sha256.h"

namespace beleg::net {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

Result<std::string> PercentDecode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      auto byte = HexDecode(text.substr(i + 1, 2));
      if (!byte || byte->size() != 1) {
        return Fail(ErrorCode::kInvalidArgument, "bad percent escape at character {} of a query parameter",
                    i);
      }
      out += *byte;
      i += 2;
    }
  }
  return out;
}

}  // namespace

bool EqualNoCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::optional<std::string_view> HttpHeaders::Get(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (EqualNoCase(key, name)) return value;
  }
  return std::nullopt;
}

bool HttpHeaders::HasToken(std::string_view name, std::string_view token) const {
  for (const auto& [key, value] : fields_) {
    if (!EqualNoCase(key, name)) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      size_t comma = std::min(rest.find(','), rest.size());
      if (EqualNoCase(Trim(rest.substr(0, comma)), token)) return true;
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
  }
  return false;
}

void HttpHeaders::Set(std::string_view name, std::string value) {
  std::erase_if(fields_, [name](const auto& field) { return EqualNoCase(field.first, name); });
  fields_.emplace_back(std::string(name), std::move(value));
}

std::string_view HttpRequest::path() const { return std::string_view(target).substr(0, target.find('?')); }

Result<std::vector<std::pair<std::string, std::string>>> HttpRequest::Query() const {
  std::vector<std::pair<std::string, std::string>> out;
  size_t mark = target.find('?');
  if (mark == std::string::npos) return out;
  std::string_view rest = std::string_view(target).substr(mark + 1);
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
    if (pair.empty()) continue;
    size_t equals = std::min(pair.find('='), pair.size());
    TRY_ASSIGN(std::string name, PercentDecode(pair.substr(0, equals)));
    TRY_ASSIGN(std::string value, PercentDecode(pair.substr(std::min(equals + 1, pair.size()))));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

HttpResponse MakeResponse(int status, std::string content_type, std::string body) {
  return {status, {{"content-type", std::move(content_type)}}, std::move(body)};
}

std::optional<std::string_view> BearerToken(const HttpHeaders& headers) {
  constexpr std::string_view kScheme = "Bearer ";
  auto value = headers.Get("authorization");
  if (!value || !EqualNoCase(value->substr(0, kScheme.size()), kScheme)) return std::nullopt;
  std::string_view token = Trim(value->substr(kScheme.size()));
  if (token.empty()) return std::nullopt;
  return token;
}

bool EqualSecret(std::string_view a, std::string_view b) {
  // Hashes are of one length, so not even the length of the secret shows in the time.
  Hash32 hash_a = wire::Sha256(a);
  Hash32 hash_b = wire::Sha256(b);
  return ::CRYPTO_memcmp(hash_a.data(), hash_b.data(), hash_a.size()) == 0;
}

}  // namespace beleg::net
