#include "wire/jcs.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/check.h"

namespace beleg::wire {
namespace {

constexpr int64_t kExactIntMax = int64_t{1} << 53;

// UTF-8 sorts as code points; UTF-16 puts U+10000 and above (surrogates, lead bytes F0–F4) before U+E000–U+FFFF (lead
// bytes EE, EF). The first byte that differs decides, so it is enough to move those two up.
bool LessInUtf16(std::string_view left, std::string_view right) {
  auto weight = [](char c) {
    uint8_t byte = static_cast<uint8_t>(c);
    return byte == 0xee || byte == 0xef ? byte + 0x10 : byte;
  };
  return std::ranges::lexicographical_compare(left, right, {}, weight, weight);
}

// ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20) from the shortest digits d₁d₂…dₖ × 10^(n−k).
std::string EcmaScriptNumber(double value) {
  CHECK(std::isfinite(value), "canonical JSON has no NaN or infinity");
  if (value == 0) return "0";
  char text[32];
  char* end = std::to_chars(text, text + sizeof(text), std::abs(value), std::chars_format::scientific).ptr;
  std::string digits(text, std::find(text, end, 'e'));
  int exponent = 0;
  const char* exponent_text = std::find(text, end, 'e') + 1;
  std::from_chars(*exponent_text == '+' ? exponent_text + 1 : exponent_text, end, exponent);
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  int k = static_cast<int>(digits.size());
  int n = exponent + 1;
  std::string out = value < 0 ? "-" : "";
  if (k <= n && n <= 21) return out + digits + std::string(static_cast<size_t>(n - k), '0');
  if (0 < n && n <= 21) return out + digits.insert(static_cast<size_t>(n), ".");
  if (-6 < n && n <= 0) return out + "0." + std::string(static_cast<size_t>(-n), '0') + digits;
  if (k > 1) digits.insert(1, ".");
  return fmt::format("{}{}e{:+}", out, digits, n - 1);
}

void AppendCanonical(std::string& out, const Json& value);

void AppendCanonicalObject(std::string& out, const Json::Object& object) {
  std::vector<const Json::Member*> members;
  members.reserve(object.size());
  for (const auto& member : object) members.push_back(&member);
  std::ranges::sort(members, LessInUtf16,
                    [](const Json::Member* member) { return std::string_view(member->first); });
  out += '{';
  for (const auto* member : members) {
    if (member != members.front()) out += ',';
    AppendJsonString(out, member->first);
    out += ':';
    AppendCanonical(out, member->second);
  }
  out += '}';
}

void AppendCanonical(std::string& out, const Json& value) {
  if (value.is_object()) {
    AppendCanonicalObject(out, value.as_object());
  } else if (value.is_array()) {
    out += '[';
    for (const auto& item : value.as_array()) {
      if (&item != &value.as_array().front()) out += ',';
      AppendCanonical(out, item);
    }
    out += ']';
  } else if (value.is_string()) {
    AppendJsonString(out, value.as_string());
  } else if (value.is_int() && value.as_int() >= -kExactIntMax && value.as_int() <= kExactIntMax) {
    fmt::format_to(std::back_inserter(out), "{}", value.as_int());
  } else if (value.is_number()) {
    out += EcmaScriptNumber(value.as_double());
  } else if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else {
    out += "null";
  }
}

}  // namespace

std::string Canonicalize(const Json& value) {
  std::string out;
  AppendCanonical(out, value);
  return out;
}

Result<Json> ParseCanonical(std::string_view text) {
  TRY_ASSIGN(Json value, Json::Parse(text));
  std::string canonical = Canonicalize(value);
  if (canonical == text) return value;
  auto [at, unused] = std::ranges::mismatch(text, canonical);
  return Fail(ErrorCode::kInvalidArgument, "not in canonical form (RFC 8785) from byte {} on",
              at - text.begin());
}

}  // namespace beleg::wire
