#include "record/member_reader.h"

#include <charconv>
#include <cmath>

#include "record/member_writer.h"

namespace beleg::record {
namespace {

// The length of the JSON string at the start of text with both quotes; 0: it does not end.
size_t StringLength(std::string_view text) {
  for (size_t quote = text.find('"', 1); quote != text.npos; quote = text.find('"', quote + 1)) {
    size_t slashes = 0;
    while (text[quote - 1 - slashes] == '\\') ++slashes;  // stops at the opening quote
    if (slashes % 2 == 0) return quote + 1;
  }
  return 0;
}

// The length of the JSON value at the start of text; 0: it does not end. Values inside are not looked at.
size_t ValueLength(std::string_view text) {
  size_t depth = 0;
  for (size_t at = 0; at < text.size();) {
    char c = text[at];
    if (c == '"') {
      size_t length = StringLength(text.substr(at));
      if (length == 0) return 0;
      at += length;
    } else if (c == '{' || c == '[') {
      ++depth, ++at;
    } else if (c == '}' || c == ']') {
      if (depth == 0) return 0;
      --depth, ++at;
    } else if (depth == 0) {
      return std::min(text.find_first_of(",}]", at), text.size());
    } else {
      ++at;
    }
    if (depth == 0) return at;
  }
  return 0;
}

bool Consume(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::string_view> ConsumeValue(std::string_view& text) {
  size_t length = ValueLength(text);
  if (length == 0) return std::nullopt;
  std::string_view value = text.substr(0, length);
  text.remove_prefix(length);
  return value;
}

// Calls on_item(text) for each item of an array; false: no array, or on_item said false.
template <class OnItem>
bool SplitItems(std::string_view array, OnItem on_item) {
  if (!Consume(array, '[')) return false;
  if (array == "]") return true;
  do {
    auto item = ConsumeValue(array);
    if (!item || !on_item(*item)) return false;
  } while (Consume(array, ','));
  return array == "]";
}

// The character of an escape that canonical text uses, at the start of text after the backslash.
std::optional<char> Unescape(std::string_view& text) {
  constexpr std::string_view kLetters = "\"\\bfnrt", kMeant = "\"\\\b\f\n\r\t";
  if (size_t which = text.empty() ? text.npos : kLetters.find(text[0]); which != text.npos) {
    text.remove_prefix(1);
    return kMeant[which];
  }
  uint8_t code = 0;
  if (text.size() < 5 || !text.starts_with("u00")) return std::nullopt;
  auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, code, 16);
  if (error != std::errc() || end != text.data() + 5) return std::nullopt;
  text.remove_prefix(5);
  return static_cast<char>(code);
}

std::optional<std::string> ToString(std::string_view text) {
  if (text.size() < 2 || text.front() != '"') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::string out;
  out.reserve(text.size());
  for (size_t slash; (slash = text.find('\\')) != text.npos;) {
    out += text.substr(0, slash);
    text.remove_prefix(slash + 1);
    auto c = Unescape(text);
    if (!c) return std::nullopt;
    out += *c;
  }
  out += text;
  return out;
}

int HexDigit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

}  // namespace

MemberReader::MemberReader(std::string_view object, std::string_view parent) : parent_(parent) {
  constexpr size_t kUsualMembers = 28;
  members_.reserve(parent.empty() ? kUsualMembers : kUsualMembers / 2);
  if (!Split(object, members_))
    error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}: want an object", parent)};
}

std::optional<std::string_view> MemberReader::Find(std::string_view name) const {
  for (const auto& member : members_)
    if (member.name == name) return member.text;
  return std::nullopt;
}

void MemberReader::Optional(std::string_view name, std::optional<int64_t>& value) {
  if (!At(name)) return;
  std::string_view text = members_[next_].text;
  if (!text.starts_with('"')) return Integer(name, value.emplace(), -kIntegerMax);
  ++next_;
  auto number = ParseInt64(text.substr(1, text.size() - 2));
  if (!number) return SetError(name, "want a whole number, or one beyond 2^53 as a string");
  if (-kIntegerMax <= *number && *number <= kIntegerMax)
    return SetError(name, "want a number: it is no larger than 2^53");
  value = *number;
}

void MemberReader::OptionalSigned(std::string_view name, int64_t& value, int64_t absent) {
  if (!At(name)) return static_cast<void>(value = absent);
  Integer(name, value, -kIntegerMax);
  if (value == absent) SetError(name, "must be left out when it says nothing");
}

void MemberReader::TypeAndVersion() {
  if (At("type")) ++next_;
  if (At("v")) ++next_;
}

Result<void> MemberReader::Finish() {
  if (!error_ && next_ < members_.size()) SetError(members_[next_].name, "unknown member");
  if (error_) return std::unexpected(*error_);
  return {};
}

bool MemberReader::Split(std::string_view object, std::vector<Member>& members) {
  if (!Consume(object, '{')) return false;
  if (object == "}") return true;
  do {
    size_t length = object.starts_with('"') ? StringLength(object) : 0;
    if (length == 0) return false;
    std::string_view name = object.substr(1, length - 2);
    object.remove_prefix(length);
    if (!Consume(object, ':')) return false;
    auto text = ConsumeValue(object);
    if (!text) return false;
    members.push_back({name, *text});
  } while (Consume(object, ','));
  return object == "}";
}

bool MemberReader::At(std::string_view name) {
  if (error_ || next_ == members_.size()) return false;
  std::string_view next = members_[next_].name;
  if (next < name) SetError(next, "unknown member");
  return next == name;
}

void MemberReader::SetError(std::string_view name, std::string_view what) {
  constexpr size_t kShownBytes = 64;
  if (error_) return;
  error_ = Error{ErrorCode::kInvalidArgument, fmt::format("{}{}{}: {}", parent_, parent_.empty() ? "" : ".",
                                                          name.substr(0, kShownBytes), what)};
}

void MemberReader::Read(std::string_view name, int64_t& value) { Integer(name, value, 0); }

void MemberReader::Read(std::string_view name, uint64_t& value) {
  int64_t number = 0;
  Integer(name, number, 0);
  value = static_cast<uint64_t>(number);
}

void MemberReader::Read(std::string_view name, bool& value) {
  std::string_view text = Next();
  value = text == "true";
  if (!value && text != "false") SetError(name, "want true or false");
}

void MemberReader::Read(std::string_view name, double& value) {
  std::string_view text = Next();
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    SetError(name, "want a number");
}

void MemberReader::Read(std::string_view name, std::string& text) {
  auto string = ToString(Next());
  if (!string) return SetError(name, "want a string");
  text = std::move(*string);
}

void MemberReader::Read(std::string_view name, std::vector<std::string>& items) {
  bool strings = SplitItems(Next(), [&](std::string_view text) {
    auto item = ToString(text);
    if (item) items.push_back(std::move(*item));
    return item.has_value();
  });
  if (!strings) SetError(fmt::format("{}[{}]", name, items.size()), "want a string");
}

void MemberReader::Read(std::string_view name, std::map<std::string, std::string>& entries) {
  std::vector<Member> members;
  if (!Split(Next(), members)) return SetError(name, "want an object");
  for (const auto& [key, text] : members) {
    auto value = ToString(text);
    if (!IsSettingName(key)) return SetError(name, "want names of printable ASCII");
    if (!value) return SetError(fmt::format("{}.{}", name, key), "want a string");
    entries.emplace_hint(entries.end(), key, std::move(*value));
  }
}

void MemberReader::Integer(std::string_view name, int64_t& value, int64_t min) {
  std::string_view text = Next();
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > kIntegerMax)
    SetError(name,
             min < 0 ? "want a whole number within 2^53 of zero" : "want a whole number from 0 to 2^53 - 1");
}

void MemberReader::Hex(std::string_view name, uint8_t* bytes, size_t size) {
  std::string_view text = Next();
  bool good = text.size() == 2 * size + 2 && text.front() == '"';
  for (size_t i = 0; good && i < size; ++i) {
    int high = HexDigit(text[1 + 2 * i]), low = HexDigit(text[2 + 2 * i]);
    good = high >= 0 && low >= 0;
    if (good) bytes[i] = static_cast<uint8_t>(high << 4 | low);
  }
  if (!good) SetError(name, fmt::format("want {} hexadecimal digits in lower case", 2 * size));
}

size_t MemberReader::Word(std::string_view name, std::span<const std::string_view> words) {
  std::string_view text = Next();
  text = text.starts_with('"') ? text.substr(1, text.size() - 2) : "?";
  auto word = std::ranges::find(words, text);
  if (word != words.end()) return static_cast<size_t>(word - words.begin());
  SetError(name, fmt::format("want one of {}", fmt::join(words, ", ")));
  return 0;
}

}  // namespace beleg::record
