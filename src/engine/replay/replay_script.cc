#include "engine/replay/replay_script.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "wire/sha256.h"

namespace beleg::engine {
namespace {

// The text is 64 words, told over and over; twice in a row here, so that every run of 64 is one piece.
constexpr std::string_view kOnce =
    " A voucher proves that a payment was made; without it the books tell a story that nobody can check."
    " Der Prüfer fragt nach dem Beleg, und wer ihn hat, der braucht keine großen Worte."
    " What was written stays written, line after line, each one bound to the line before it,"
    " so a missing page shows. Ein Beleg kostet 0 € und spart viele Fragen.";
static_assert(std::string_view::npos != kOnce.find("€"), "the text has characters of 1, 2 and 3 bytes");

struct Script {
  std::string text;
  std::array<size_t, 2 * kReplayRunMax + 1>
      starts{};  // byte offset of each word's space; the last is the end
};

Script MakeScript() {
  Script script;
  script.text = std::string(kOnce) + std::string(kOnce);
  size_t word = 0;
  for (size_t i = 0; i < script.text.size(); ++i) {
    if (script.text[i] == ' ') script.starts.at(word++) = i;
  }
  script.starts.at(word) = script.text.size();
  return script;
}

const Script& TheScript() {
  static const Script script = MakeScript();
  return script;
}

// A token is kind (3 bits) and value (28 bits).
enum class Kind : int32_t { kWord, kTokens, kDelayMs, kFailAt, kHang };
constexpr int32_t kValueBits = 28;
constexpr int32_t kValueMax = (1 << kValueBits) - 1;

Token MakeToken(Kind kind, int32_t value) { return static_cast<int32_t>(kind) << kValueBits | value; }

std::optional<Token> OrderToken(std::string_view word) {
  if (!word.starts_with("REPLAY:")) return std::nullopt;
  if (word == "REPLAY:HANG") return MakeToken(Kind::kHang, 0);
  constexpr std::pair<std::string_view, Kind> kOrders[] = {{"REPLAY:TOKENS=", Kind::kTokens},
                                                           {"REPLAY:DELAY_MS=", Kind::kDelayMs},
                                                           {"REPLAY:FAIL_AT=", Kind::kFailAt}};
  for (auto [prefix, kind] : kOrders) {
    if (!word.starts_with(prefix)) continue;
    auto value = ParseUint64(word.substr(prefix.size()));
    if (value && *value <= static_cast<uint64_t>(kValueMax))
      return MakeToken(kind, static_cast<int32_t>(*value));
  }
  return std::nullopt;
}

Token WordToken(std::string_view word) {
  if (auto order = OrderToken(word)) return *order;
  return MakeToken(Kind::kWord, static_cast<int32_t>(Crc32c(word) & static_cast<uint32_t>(kValueMax)));
}

}  // namespace

std::vector<Token> ReplayTokenize(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  std::vector<Token> tokens;
  for (size_t begin = text.find_first_not_of(kSpace); begin != text.npos;) {
    size_t end = std::min(text.find_first_of(kSpace, begin), text.size());
    tokens.push_back(WordToken(text.substr(begin, end - begin)));
    begin = text.find_first_not_of(kSpace, end);
  }
  return tokens;
}

ReplayOrders OrdersOf(const std::vector<Token>& prompt) {
  ReplayOrders orders;
  for (Token token : prompt) {
    int64_t value = token & kValueMax;
    switch (static_cast<Kind>(token >> kValueBits)) {
      case Kind::kWord: break;
      case Kind::kTokens: orders.tokens = value; break;
      case Kind::kDelayMs: orders.delay_ms = value; break;
      case Kind::kFailAt: orders.fail_at = value; break;
      case Kind::kHang: orders.hang = true; break;
    }
  }
  return orders;
}

std::string_view ReplayText(int64_t first, int64_t count) {
  const Script& script = TheScript();
  auto begin = static_cast<size_t>(first % kReplayRunMax);
  size_t end = begin + static_cast<size_t>(count);
  return std::string_view(script.text)
      .substr(script.starts.at(begin), script.starts.at(end) - script.starts.at(begin));
}

Hash32 ReplayScriptHash() { return wire::Sha256(kOnce); }

int64_t ReplayScriptBytes() { return static_cast<int64_t>(kOnce.size()); }

}  // namespace beleg::engine
