#include "audit/receipt_text.h"

#include <algorithm>

namespace beleg::audit {
namespace {

constexpr std::string_view kStart = "v1.";
constexpr int kDotsMin = 5;  // fewer: "v1.2" and the like
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

}  // namespace

std::vector<std::string_view> ReceiptsIn(std::string_view text) {
  std::vector<std::string_view> receipts;
  for (size_t at = text.find(kStart); at != text.npos; at = text.find(kStart, at)) {
    const size_t end = std::min(text.find_first_not_of(kLetters, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const bool starts_here = at == 0 || !kLetters.contains(text[at - 1]);
    if (starts_here && std::ranges::count(word, '.') >= kDotsMin) receipts.push_back(word);
    at = end;
  }
  return receipts;
}

}  // namespace beleg::audit
