// A JSON value (RFC 8259): what requests, records and answers are read into and written from.
//
// Shape:  objects keep the order of their members; numbers are int64 where they are whole and fit, else double.
// Errors: Parse gives kInvalidArgument with line, column and what was expected; duplicate members, bad UTF-8, unpaired
//         surrogates, and nesting deeper than kJsonDepthMax are errors too.
// Cost:   one pass (simdjson); a value is 40 bytes, so a text of n bytes makes at most about 20·n bytes of values
//         ("[1,1,1…"): limit what comes from outside.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace beleg::wire {

constexpr int kJsonDepthMax = 128;

class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  // null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(int value) : value_(static_cast<int64_t>(value)) {}
  Json(unsigned value) : value_(static_cast<int64_t>(value)) {}
  Json(int64_t value) : value_(value) {}
  Json(uint64_t value);  // CHECK: fits int64
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  // {{"a", 1}, {"b", "x"}}
  static Json MakeObject(std::initializer_list<Member> members) { return Json(Object(members)); }
  static Json MakeArray(std::initializer_list<Json> items = {}) { return Json(Array(items)); }

  // A whole number beyond int64 becomes a double, as in JavaScript; one beyond double is an error.
  static Result<Json> Parse(std::string_view text);
  // Compact text, members in their order, non-ASCII as UTF-8. Doubles in the shortest form that reads back the same;
  // NaN and infinity become null.
  std::string Dump() const;

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<int64_t>(value_); }
  bool is_double() const { return std::holds_alternative<double>(value_); }
  bool is_number() const { return is_int() || is_double(); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }
  // "null", "boolean", "number", "string", "array", "object": for error messages.
  std::string_view type_name() const;

  // Each demands its type (CHECK): look first.
  bool as_bool() const;
  int64_t as_int() const;
  double as_double() const;  // an int too
  const std::string& as_string() const;
  const Array& as_array() const;
  const Object& as_object() const;
  Array& as_array();
  Object& as_object();

  // The member of an object, or nullptr when there is none or this is no object.
  const Json* Find(std::string_view key) const;
  Json* Find(std::string_view key);
  // Adds or replaces a member; a null becomes an object first.
  void Set(std::string_view key, Json value);
  // Adds to the end; a null becomes an array first.
  void Append(Json value);

  bool operator==(const Json&) const = default;

 private:
  std::variant<std::nullptr_t, bool, int64_t, double, std::string, Array, Object> value_;
};

// Appends text as a JSON string with its quotes: control characters, quote and backslash escaped, the rest as it is;
// bytes that are no UTF-8 become U+FFFD. Cost: ASCII at about the speed of memcpy, the rest per character.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace beleg::wire
