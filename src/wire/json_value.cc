#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "wire/json.h"

namespace beleg::wire {

Json::Json(uint64_t value) : value_(static_cast<int64_t>(value)) {
  CHECK(std::in_range<int64_t>(value), "a whole number in JSON is an int64");
}

std::string_view Json::type_name() const {
  constexpr std::string_view kNames[] = {"null", "boolean", "number", "number", "string", "array", "object"};
  return kNames[value_.index()];
}

bool Json::as_bool() const {
  CHECK(is_bool(), "JSON value is no boolean");
  return std::get<bool>(value_);
}
int64_t Json::as_int() const {
  CHECK(is_int(), "JSON value is no whole number");
  return std::get<int64_t>(value_);
}
double Json::as_double() const {
  CHECK(is_number(), "JSON value is no number");
  return is_int() ? static_cast<double>(std::get<int64_t>(value_)) : std::get<double>(value_);
}
const std::string& Json::as_string() const {
  CHECK(is_string(), "JSON value is no string");
  return std::get<std::string>(value_);
}
const Json::Array& Json::as_array() const {
  CHECK(is_array(), "JSON value is no array");
  return std::get<Array>(value_);
}
const Json::Object& Json::as_object() const {
  CHECK(is_object(), "JSON value is no object");
  return std::get<Object>(value_);
}
Json::Array& Json::as_array() {
  CHECK(is_array(), "JSON value is no array");
  return std::get<Array>(value_);
}
Json::Object& Json::as_object() {
  CHECK(is_object(), "JSON value is no object");
  return std::get<Object>(value_);
}

const Json* Json::Find(std::string_view key) const {
  const auto* members = std::get_if<Object>(&value_);
  if (members == nullptr) return nullptr;
  for (const auto& [name, value] : *members)
    if (name == key) return &value;
  return nullptr;
}
Json* Json::Find(std::string_view key) { return const_cast<Json*>(std::as_const(*this).Find(key)); }

void Json::Set(std::string_view key, Json value) {
  if (is_null()) value_ = Object();
  if (Json* member = Find(key)) {
    *member = std::move(value);
  } else {
    as_object().emplace_back(std::string(key), std::move(value));
  }
}

void Json::Append(Json value) {
  if (is_null()) value_ = Array();
  as_array().push_back(std::move(value));
}

namespace {

void AppendInt(std::string& out, int64_t value) {
  char text[24];
  out.append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

void AppendDouble(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char text[32];
  std::string_view digits(text, std::to_chars(text, text + sizeof(text), value).ptr);
  out += digits;
  if (digits.find_first_of(".e") == std::string_view::npos)
    out += ".0";  // else it would be read back as an int
}

void AppendJson(std::string& out, const Json& value) {
  if (value.is_string()) {
    AppendJsonString(out, value.as_string());
  } else if (value.is_int()) {
    AppendInt(out, value.as_int());
  } else if (value.is_double()) {
    AppendDouble(out, value.as_double());
  } else if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else if (value.is_null()) {
    out += "null";
  } else if (value.is_array()) {
    char separator = '[';
    for (const auto& item : value.as_array()) {
      out += std::exchange(separator, ',');
      AppendJson(out, item);
    }
    out += separator == '[' ? "[]" : "]";
  } else {
    char separator = '{';
    for (const auto& [name, member] : value.as_object()) {
      out += std::exchange(separator, ',');
      AppendJsonString(out, name);
      out += ':';
      AppendJson(out, member);
    }
    out += separator == '{' ? "{}" : "}";
  }
}

// True in the high bit of each byte of a word that must be escaped (below 0x20, quote, backslash) or is not ASCII.
constexpr uint64_t SpecialBytes(uint64_t word) {
  constexpr uint64_t kOnes = 0x0101010101010101u;
  auto zero_bytes = [](uint64_t x) { return (x - kOnes) & ~x; };
  uint64_t below_space = (word - kOnes * 0x20) & ~word;
  return (below_space | zero_bytes(word ^ (kOnes * '"')) | zero_bytes(word ^ (kOnes * '\\')) | word) &
         (kOnes * 0x80);
}

// The length of the run at the start of text that is copied as it stands.
size_t PlainRun(std::string_view text) {
  size_t at = 0;
  for (uint64_t word; at + sizeof(word) <= text.size(); at += sizeof(word)) {
    std::memcpy(&word, text.data() + at, sizeof(word));
    if (SpecialBytes(word) != 0) break;
  }
  for (; at < text.size(); ++at) {
    uint8_t byte = static_cast<uint8_t>(text[at]);
    if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') break;
  }
  return at;
}

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
  }
  constexpr std::string_view kHex = "0123456789abcdef";
  out += "\\u00";
  out += kHex[static_cast<uint8_t>(c) >> 4];
  out += kHex[static_cast<uint8_t>(c) & 15];
}

// The length of the UTF-8 character at the start of text, 0 when it is none.
size_t CharacterLength(std::string_view text) {
  for (size_t length = 2; length <= 4 && length <= text.size(); ++length)
    if (IsUtf8(text.substr(0, length))) return length;
  return 0;
}

}  // namespace

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  while (true) {
    size_t run = PlainRun(text);
    out.append(text.data(), run);
    text.remove_prefix(run);
    if (text.empty()) break;
    if (static_cast<uint8_t>(text[0]) < 0x80) {
      AppendEscaped(out, text[0]);
      text.remove_prefix(1);
    } else if (size_t length = CharacterLength(text); length > 0) {
      out.append(text.data(), length);
      text.remove_prefix(length);
    } else {
      out += "\xef\xbf\xbd";  // U+FFFD, as Go and browsers do: the output must be JSON whatever came in
      text.remove_prefix(1);
    }
  }
  out += '"';
}

std::string Json::Dump() const {
  std::string out;
  AppendJson(out, *this);
  return out;
}

}  // namespace beleg::wire
