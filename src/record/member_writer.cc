#include "record/member_writer.h"

#include <charconv>
#include <cmath>

#include "record/schema.h"
#include "wire/jcs.h"

namespace beleg::record {

void MemberWriter::Optional(std::string_view name, const std::optional<int64_t>& value) {
  if (!value) return;
  Name(name);
  bool exact = -kIntegerMax <= *value && *value <= kIntegerMax;
  if (!exact) out_ += '"';
  Integer(*value);
  if (!exact) out_ += '"';
}

void MemberWriter::OptionalSigned(std::string_view name, int64_t value, int64_t absent) {
  if (value == absent) return;
  Name(name);
  Integer(std::clamp(value, -kIntegerMax, kIntegerMax));
}

void MemberWriter::TypeAndVersion() {
  Name("type");
  out_ += '"';
  out_ += type_;
  out_ += '"';
  Name("v");
  Integer(kSchemaVersion);
}

void MemberWriter::End() { out_ += separator_ == '{' ? "{}" : "}"; }

void MemberWriter::Value(double value) {
  CHECK(std::isfinite(value), "a record holds no NaN or infinity");
  if (std::abs(value) <= kIntegerMax && value == std::trunc(value))
    return Integer(static_cast<int64_t>(value));
  out_ += wire::Canonicalize(wire::Json(value));
}

void MemberWriter::Value(const std::string& text) { wire::AppendJsonString(out_, text); }

void MemberWriter::Value(const std::vector<std::string>& items) {
  char separator = '[';
  for (const auto& item : items) {
    out_ += std::exchange(separator, ',');
    Value(item);
  }
  out_ += separator == '[' ? "[]" : "]";
}

void MemberWriter::Value(const std::map<std::string, std::string>& entries) {
  char separator = '{';
  for (const auto& [name, value] : entries) {
    CHECK(IsSettingName(name), "a setting has a printable ASCII name");
    out_ += std::exchange(separator, ',');
    Value(name);
    out_ += ':';
    Value(value);
  }
  out_ += separator == '{' ? "{}" : "}";
}

void MemberWriter::Integer(int64_t value) {
  char text[24];
  out_.append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

void MemberWriter::Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out_ += '"';
  for (char c : bytes) {
    out_ += kDigits[static_cast<uint8_t>(c) >> 4];
    out_ += kDigits[static_cast<uint8_t>(c) & 15];
  }
  out_ += '"';
}

}  // namespace beleg::record
