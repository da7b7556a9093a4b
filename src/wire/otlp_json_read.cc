#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include <protozero/pbf_writer.hpp>

#include "base/bytes.h"
#include "wire/otlp_json.h"
#include "wire/otlp_schema.h"

namespace beleg::wire::otlp {
namespace {

using protozero::pbf_wire_type;

// True for the name in lowerCamelCase itself and in snake_case.
bool IsNamed(std::string_view key, std::string_view camel) {
  if (key == camel) return true;
  size_t at = 0;
  for (char c : camel) {
    if (c >= 'A' && c <= 'Z') {
      if (at >= key.size() || key[at++] != '_') return false;
      c = static_cast<char>(c - 'A' + 'a');
    }
    if (at >= key.size() || key[at++] != c) return false;
  }
  return at == key.size();
}

const Json* FindMember(const Json& parent, std::string_view camel) {
  for (const auto& [key, value] : parent.as_object())
    if (!value.is_null() && IsNamed(key, camel)) return &value;
  return nullptr;
}

pbf_wire_type WireTypeOf(FieldKind kind) {
  switch (kind) {
    case FieldKind::kMessage:
    case FieldKind::kText:
    case FieldKind::kBytes:
    case FieldKind::kTraceId:
    case FieldKind::kSpanId:
    case FieldKind::kOwnTraceId:
    case FieldKind::kOwnSpanId: return pbf_wire_type::length_delimited;
    case FieldKind::kBool:
    case FieldKind::kEnum:
    case FieldKind::kInt64:
    case FieldKind::kUint64:
    case FieldKind::kUint32:
    case FieldKind::kSint32: return pbf_wire_type::varint;
    case FieldKind::kFixed32: return pbf_wire_type::fixed32;
    case FieldKind::kFixed64:
    case FieldKind::kSfixed64:
    case FieldKind::kTime:
    case FieldKind::kDouble: return pbf_wire_type::fixed64;
  }
  return pbf_wire_type::unknown;
}

bool HasLength(const Field& field) {
  return field.rule == FieldRule::kRepeated || WireTypeOf(field.kind) == pbf_wire_type::length_delimited;
}

void AppendVarint(std::string& out, uint64_t value) {
  protozero::write_varint(std::back_inserter(out), value);
}

// bytes: the field's content without tag and length.
void AppendField(std::string& out, const Field& field, std::string_view bytes) {
  pbf_wire_type type = HasLength(field) ? pbf_wire_type::length_delimited : WireTypeOf(field.kind);
  AppendVarint(out, static_cast<uint64_t>(field.number) << 3 | static_cast<uint64_t>(type));
  if (HasLength(field)) AppendVarint(out, bytes.size());
  out += bytes;
}

bool IsDefault(const Field& field, std::string_view bytes) {
  if (HasLength(field)) return bytes.empty();
  return std::ranges::all_of(bytes, [](char c) { return c == '\0'; });
}

// Writes one request as protobuf, by the tables of its messages. A Read… function returns false when error_ is set.
class JsonReader {
 public:
  Result<std::string> Convert(const Json& request, MessageType type) {
    std::string out;
    if (!request.is_object()) {
      WrongType("", request, "object");
    } else if (ReadMessage(request, type, out)) {
      return out;
    }
    return std::unexpected(std::move(error_));
  }

 private:
  struct Step {
    std::string_view name;
    size_t index;
  };
  static constexpr size_t kNoIndex = SIZE_MAX;

  bool Refuse(std::string_view name, std::string_view what) {
    std::string path;
    for (const auto& [step, index] : path_) {
      fmt::format_to(std::back_inserter(path), "{}{}", path.empty() ? "" : ".", step);
      if (index != kNoIndex) fmt::format_to(std::back_inserter(path), "[{}]", index);
    }
    if (!name.empty()) path += (path.empty() ? "" : ".") + std::string(name);
    if (path.empty()) path = "request";
    error_ = {ErrorCode::kInvalidArgument, fmt::format("{}: {}", path, what)};
    return false;
  }

  bool WrongType(std::string_view name, const Json& value, std::string_view want) {
    return Refuse(name, fmt::format("{}, want {}", value.type_name(), want));
  }

  bool ReadMessage(const Json& object, MessageType type, std::string& out);
  bool ReadField(const Json& value, const Field& field, std::string& out);
  bool ReadInner(const Json& value, const Field& field, size_t index, std::string& out);
  bool ReadList(const Json& list, const Field& field, std::string& out);
  bool ReadScalar(const Json& value, const Field& field, std::string& bytes);
  bool ReadId(const Json* value, const Field& field, std::string& bytes);
  bool ReadEnum(const Json& value, const Field& field, std::string& bytes);
  bool ReadNumber(const Json& value, const Field& field, std::string& bytes);
  bool ReadDouble(const Json& value, std::string_view name, std::string& bytes);
  bool ReadBytes(const Json& value, std::string_view name, std::string& bytes);
  bool ToInt(const Json& value, std::string_view name, int64_t& out);

  std::vector<Step> path_;
  int value_depth_ = 0;  // AnyValues around the present place
  Error error_;
};

// Appends the message's fields.
bool JsonReader::ReadMessage(const Json& object, MessageType type, std::string& out) {
  bool is_value = type == MessageType::kAnyValue;
  if (is_value && ++value_depth_ > kValueDepthMax + 1)
    return Refuse("", fmt::format("nested deeper than {}", kValueDepthMax));
  size_t choices = 0;
  for (const Field& field : FieldsOf(type)) {
    const Json* value = FindMember(object, field.name);
    bool is_own_id = field.kind == FieldKind::kOwnTraceId || field.kind == FieldKind::kOwnSpanId;
    if (value == nullptr && !is_own_id) continue;
    if (field.rule == FieldRule::kOneOf && ++choices > 1) return Refuse("", "more than one value");
    if (value == nullptr) return ReadId(nullptr, field, out);
    if (!ReadField(*value, field, out)) return false;
  }
  if (is_value) --value_depth_;
  return true;
}

// Appends the field with its tag, if it is to be written.
bool JsonReader::ReadField(const Json& value, const Field& field, std::string& out) {
  if (field.rule == FieldRule::kRepeated) return ReadList(value, field, out);
  if (field.kind == FieldKind::kMessage) return ReadInner(value, field, kNoIndex, out);
  std::string bytes;
  if (!ReadScalar(value, field, bytes)) return false;
  if (field.rule != FieldRule::kPlain || !IsDefault(field, bytes)) AppendField(out, field, bytes);
  return true;
}

bool JsonReader::ReadInner(const Json& value, const Field& field, size_t index, std::string& out) {
  path_.push_back({field.name, index});
  if (!value.is_object()) return WrongType("", value, "object");
  std::string bytes;
  if (!ReadMessage(value, field.message, bytes)) return false;
  AppendField(out, field, bytes);
  path_.pop_back();
  return true;
}

bool JsonReader::ReadList(const Json& list, const Field& field, std::string& out) {
  if (!list.is_array()) return WrongType(field.name, list, "array");
  const bool is_packed = WireTypeOf(field.kind) != pbf_wire_type::length_delimited;
  std::string bytes;
  for (size_t i = 0; i < list.as_array().size(); ++i) {
    const Json& item = list.as_array()[i];
    bool read =
        field.kind == FieldKind::kMessage ? ReadInner(item, field, i, out) : ReadScalar(item, field, bytes);
    if (!read) return false;
    if (field.kind != FieldKind::kMessage && !is_packed) AppendField(out, field, std::exchange(bytes, {}));
  }
  if (!bytes.empty()) AppendField(out, field, bytes);
  return true;
}

// Appends the value's bytes without tag and length.
bool JsonReader::ReadScalar(const Json& value, const Field& field, std::string& bytes) {
  switch (field.kind) {
    case FieldKind::kText:
      if (!value.is_string()) return WrongType(field.name, value, "string");
      bytes += value.as_string();
      return true;
    case FieldKind::kBool:
      if (!value.is_bool()) return WrongType(field.name, value, "boolean");
      bytes += value.as_bool() ? '\1' : '\0';
      return true;
    case FieldKind::kBytes: return ReadBytes(value, field.name, bytes);
    case FieldKind::kTraceId:
    case FieldKind::kSpanId:
    case FieldKind::kOwnTraceId:
    case FieldKind::kOwnSpanId: return ReadId(&value, field, bytes);
    case FieldKind::kEnum: return ReadEnum(value, field, bytes);
    case FieldKind::kDouble: return ReadDouble(value, field.name, bytes);
    case FieldKind::kInt64:
    case FieldKind::kUint64:
    case FieldKind::kUint32:
    case FieldKind::kSint32:
    case FieldKind::kFixed32:
    case FieldKind::kFixed64:
    case FieldKind::kSfixed64:
    case FieldKind::kTime: return ReadNumber(value, field, bytes);
    case FieldKind::kMessage: break;
  }
  return Refuse(field.name, "no scalar");
}

template <class Id>
std::string IdBytes(const std::string& hex, std::string& wrong) {
  auto id = Id::FromHex(hex);
  if (id) return std::string(id->view());
  wrong = fmt::format("{}; want {} hex digits", id.error().message, 2 * Id{}.bytes.size());
  return {};
}

// value: null when it is not there.
bool JsonReader::ReadId(const Json* value, const Field& field, std::string& bytes) {
  bool own = field.kind == FieldKind::kOwnTraceId || field.kind == FieldKind::kOwnSpanId;
  bool trace = field.kind == FieldKind::kOwnTraceId || field.kind == FieldKind::kTraceId;
  if (value != nullptr && !value->is_string()) return WrongType(field.name, *value, "string");
  const std::string hex = value != nullptr ? value->as_string() : std::string();
  if (hex.empty() && !own) return true;
  std::string wrong;
  std::string id = trace ? IdBytes<TraceId>(hex, wrong) : IdBytes<SpanId>(hex, wrong);
  if (!wrong.empty()) return Refuse(field.name, wrong);
  if (own && std::ranges::all_of(id, [](char c) { return c == '\0'; }))
    return Refuse(field.name, "all zeros");
  bytes += id;
  return true;
}

bool JsonReader::ReadEnum(const Json& value, const Field& field, std::string& bytes) {
  if (value.is_int()) {
    if (!std::in_range<int32_t>(value.as_int())) return Refuse(field.name, "not within 32 bits");
    AppendVarint(bytes, static_cast<uint64_t>(value.as_int()));
    return true;
  }
  if (!value.is_string()) return WrongType(field.name, value, "number or name");
  auto found = std::ranges::find(field.enum_names, std::string_view(value.as_string()));
  AppendVarint(bytes, static_cast<uint64_t>(found - field.enum_names.begin()));
  return found != field.enum_names.end() ||
         Refuse(field.name,
                fmt::format("no such name; want {} … {}", field.enum_names.front(), field.enum_names.back()));
}

bool JsonReader::ReadNumber(const Json& value, const Field& field, std::string& bytes) {
  int64_t number = 0;
  if (!ToInt(value, field.name, number)) return false;
  FieldKind kind = field.kind;
  bool is_signed = kind == FieldKind::kInt64 || kind == FieldKind::kSfixed64 || kind == FieldKind::kSint32;
  bool has_32_bits = kind == FieldKind::kUint32 || kind == FieldKind::kFixed32 || kind == FieldKind::kSint32;
  bool fits = is_signed ? std::in_range<int32_t>(number) : std::in_range<uint32_t>(number);
  if (has_32_bits && !fits) return Refuse(field.name, "not within 32 bits");
  if (!is_signed && number < 0)
    return Refuse(field.name, kind == FieldKind::kTime ? "time before 1970" : "negative");
  if (kind == FieldKind::kSint32)
    AppendVarint(bytes, protozero::encode_zigzag32(static_cast<int32_t>(number)));
  else if (WireTypeOf(kind) == pbf_wire_type::varint)
    AppendVarint(bytes, static_cast<uint64_t>(number));
  else if (kind == FieldKind::kFixed32)
    PutLittle32(bytes, static_cast<uint32_t>(number));
  else
    PutLittle64(bytes, static_cast<uint64_t>(number));
  return true;
}

// A whole number of any JSON spelling.
bool JsonReader::ToInt(const Json& value, std::string_view name, int64_t& out) {
  constexpr double kInt64End = 9223372036854775808.0;
  if (value.is_int()) {
    out = value.as_int();
    return true;
  }
  if (value.is_double()) {
    double number = value.as_double();
    if (number != std::trunc(number) || number < -kInt64End || number >= kInt64End)
      return Refuse(name, "no whole number within 64 bits");
    out = static_cast<int64_t>(number);
    return true;
  }
  if (!value.is_string()) return WrongType(name, value, "whole number or string of one");
  auto number = ParseInt64(value.as_string());
  if (!number) return Refuse(name, number.error().message);
  out = *number;
  return true;
}

std::optional<double> ParseDouble(std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return kInfinity;
  if (text == "-Infinity") return -kInfinity;
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool all_read = error == std::errc() && end == text.data() + text.size();
  if (!all_read || !std::isfinite(number)) return std::nullopt;
  return number;
}

bool JsonReader::ReadDouble(const Json& value, std::string_view name, std::string& bytes) {
  if (!value.is_number() && !value.is_string()) return WrongType(name, value, "number or string of one");
  std::optional<double> number = value.is_number() ? value.as_double() : ParseDouble(value.as_string());
  if (!number) return Refuse(name, "no number");
  PutLittle64(bytes, std::bit_cast<uint64_t>(*number));
  return true;
}

bool JsonReader::ReadBytes(const Json& value, std::string_view name, std::string& bytes) {
  if (!value.is_string()) return WrongType(name, value, "string in base64");
  std::string text = value.as_string();
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  if (!text.ends_with('=')) text.append((4 - text.size() % 4) % 4, '=');
  auto decoded = Base64Decode(text);
  if (!decoded) return Refuse(name, decoded.error().message);
  bytes += *decoded;
  return true;
}

Result<std::string> FromJson(std::string_view json, MessageType type) {
  TRY_ASSIGN(Json request, Json::Parse(json));
  return JsonReader().Convert(request, type);
}

}  // namespace

Result<std::string> TracesFromJson(std::string_view json) {
  return FromJson(json, MessageType::kTracesRequest);
}
Result<std::string> MetricsFromJson(std::string_view json) {
  return FromJson(json, MessageType::kMetricsRequest);
}
Result<std::string> LogsFromJson(std::string_view json) { return FromJson(json, MessageType::kLogsRequest); }

}  // namespace beleg::wire::otlp
