#include "audit/receipt_text.h"

#include <algorithm>

namespace beleg::audit {
namespace {

constexpr std::string_view kStart = "v1.";
constexpr int kDotsMin = 5;  // fewer: "v1.2" and the like
constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

bool IsSame(char a, char b) { return (a | 0x20) == b; }

// What stands before it names it a receipt: "Audit-Begin: ", ": audit-finish ".
bool IsNamedReceipt(std::string_view before) {
  before = before.substr(0, before.find_last_not_of(": \t\"") + 1);
  for (std::string_view name : {"audit-begin", "audit-finish"})
    if (before.size() >= name.size() &&
        std::ranges::equal(before.substr(before.size() - name.size()), name, IsSame))
      return true;
  return false;
}

}  // namespace

std::vector<std::string_view> ReceiptsIn(std::string_view text) {
  std::vector<std::string_view> receipts;
  for (size_t at = text.find(kStart); at != text.npos; at = text.find(kStart, at)) {
    const size_t end = std::min(text.find_first_not_of(kLetters, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    const bool starts_here = at == 0 || !kLetters.contains(text[at - 1]);
    const bool is_whole = std::ranges::count(word, '.') >= kDotsMin;
    if (starts_here && (is_whole || IsNamedReceipt(text.substr(0, at)))) receipts.push_back(word);
    at = end;
  }
  return receipts;
}

}  // namespace beleg::audit
