// Writes members as canonical JSON text (RFC 8785), in one pass and without a tree of values. The caller names members in
// canonical order (record/schema.h does, and a test compares with wire/jcs.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/check.h"
#include "record/names.h"

namespace beleg::record {

constexpr int64_t kIntegerMax =
    (int64_t{1} << 53) - 1;  // what a double, hence every JSON reader, holds exactly

class MemberWriter {
 public:
  // type and version go where TypeAndVersion is called; "" in a nested object.
  MemberWriter(std::string& out, std::string_view type) : out_(out), type_(type) {}

  template <class T>
  void Required(std::string_view name, const T& value) {
    Name(name);
    Value(value);
  }
  template <class T>
  void Optional(std::string_view name, const T& value, const std::type_identity_t<T>& absent) {
    if (value != absent) Required(name, value);
  }
  void Optional(std::string_view name, int64_t value, int64_t absent) {
    if (std::max(value, std::min<int64_t>(absent, 0)) != absent) Required(name, value);
  }
  template <class T>
  void Optional(std::string_view name, const std::optional<T>& value) {
    if (value) Required(name, *value);
  }
  // Of the whole int64 range: beyond ±kIntegerMax a string of decimal digits.
  void Optional(std::string_view name, const std::optional<int64_t>& value);
  // Negative as well.
  void OptionalSigned(std::string_view name, int64_t value, int64_t absent);
  void TypeAndVersion();
  void End();

 private:
  void Name(std::string_view name) {
    out_ += std::exchange(separator_, ',');
    out_ += '"';
    out_ += name;  // ours: nothing in it to escape
    out_ += "\":";
  }

  void Value(int64_t value) { Integer(std::clamp<int64_t>(value, 0, kIntegerMax)); }
  void Value(uint64_t value) { Integer(static_cast<int64_t>(std::min<uint64_t>(value, kIntegerMax))); }
  void Value(bool value) { out_ += value ? "true" : "false"; }
  void Value(double value);
  void Value(const std::string& text);
  void Value(const std::vector<std::string>& items);
  void Value(const std::map<std::string, std::string>& entries);
  template <size_t N>
  void Value(const std::array<uint8_t, N>& bytes) {
    Hex(AsView(bytes));
  }
  template <size_t N, class Tag>
  void Value(const Id<N, Tag>& id) {
    Hex(id.view());
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void Value(Enum value) {
    out_ += '"';
    out_ += kNames<Enum>[static_cast<size_t>(value)];
    out_ += '"';
  }
  template <class Struct>
    requires std::is_class_v<Struct>
  void Value(const Struct& value) {
    MemberWriter members(out_, "");
    Members(members, value);
    members.End();
  }

  void Integer(int64_t value);
  void Hex(std::string_view bytes);

  std::string& out_;
  const std::string_view type_;
  char separator_ = '{';
};

}  // namespace beleg::record
