#include "engine/text_assembler.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"

namespace beleg::engine {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

enum class Form { kWhole, kCut, kBad };

struct Character {
  Form form;
  size_t size;  // bytes of the character, or of its well-formed beginning (at least 1)
};

// The bounds of the second byte depend on the first (RFC 3629 §4): no overlong forms, surrogates or > U+10FFFF.
struct Lead {
  size_t size;  // 0: cannot begin a character
  uint8_t second_min = 0x80, second_max = 0xBF;
};

Lead LeadOf(uint8_t byte) {
  if (byte < 0x80) return {1};
  if (byte < 0xC2) return {0};
  if (byte < 0xE0) return {2};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0};
}

// The first character of bytes, which are not empty.
Character FirstCharacter(std::string_view bytes) {
  Lead lead = LeadOf(static_cast<uint8_t>(bytes[0]));
  if (lead.size == 0) return {Form::kBad, 1};
  for (size_t i = 1; i < lead.size; ++i) {
    if (i == bytes.size()) return {Form::kCut, i};
    auto byte = static_cast<uint8_t>(bytes[i]);
    bool good = i == 1 ? lead.second_min <= byte && byte <= lead.second_max : (byte & 0xC0) == 0x80;
    if (!good) return {Form::kBad, i};
  }
  return {Form::kWhole, lead.size};
}

}  // namespace

TextAssembler::TextAssembler(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty() || !IsUtf8(stop); });
  for (const std::string& stop : stops_) stop_bytes_max_ = std::max(stop_bytes_max_, stop.size());
}

TextAssembler::Output TextAssembler::Push(std::string_view piece, int64_t tokens) {
  tokens_ += tokens;
  text_.erase(0, emitted_);
  emitted_ = 0;
  if (partial_.empty()) {
    Decode(piece);
  } else {
    std::string bytes = std::exchange(partial_, {});
    bytes += piece;
    Decode(bytes);
  }

  size_t best_end = std::string::npos;
  size_t best_begin = 0;
  for (const std::string& stop : stops_) {
    size_t begin = text_.find(stop);
    if (begin == std::string::npos) continue;
    size_t end = begin + stop.size();
    if (end < best_end || (end == best_end && begin < best_begin)) best_end = end, best_begin = begin;
  }
  if (best_end != std::string::npos) {
    text_.resize(best_begin);
    partial_.clear();
    return Emit(best_begin, true);
  }
  return Emit(text_.size() - HeldBack(), false);
}

TextAssembler::Output TextAssembler::Flush() {
  text_.erase(0, emitted_);
  emitted_ = 0;
  if (!partial_.empty()) text_ += kReplacement;
  partial_.clear();
  return Emit(text_.size(), false);
}

// Moves the whole characters of bytes to text_ and keeps the beginning of one that is cut.
void TextAssembler::Decode(std::string_view bytes) {
  while (!bytes.empty()) {
    Character character = FirstCharacter(bytes);
    if (character.form == Form::kCut) {
      partial_ = bytes;
      return;
    }
    text_ += character.form == Form::kWhole ? bytes.substr(0, character.size) : kReplacement;
    bytes.remove_prefix(character.size);
  }
}

// Bytes at the end of text_ that are the beginning of a stop text. Both are whole characters, so no character is cut.
size_t TextAssembler::HeldBack() const {
  std::string_view text = text_;
  size_t limit = std::min(text.size(), stop_bytes_max_ == 0 ? 0 : stop_bytes_max_ - 1);
  for (size_t size = limit; size > 0; --size) {
    std::string_view tail = text.substr(text.size() - size);
    for (const std::string& stop : stops_) {
      if (stop.size() > size && stop.starts_with(tail)) return size;
    }
  }
  return 0;
}

TextAssembler::Output TextAssembler::Emit(size_t size, bool stopped) {
  emitted_ = size;
  Output out{std::string_view(text_).substr(0, size), 0, stopped};
  if (size > 0) out.tokens = std::exchange(tokens_, 0);
  return out;
}

}  // namespace beleg::engine
