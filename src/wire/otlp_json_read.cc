#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "wire/otlp_json.h"

namespace beleg::wire::otlp {
namespace {

constexpr std::string_view kKindNames[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                           "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                           "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
constexpr std::string_view kStatusNames[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};

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

// Reads one request. Objects are handed down checked; a Read… function returns false when error_ is set.
class JsonTraceReader {
 public:
  // The protobuf bytes.
  Result<std::string> Convert(const Json& request) {
    std::string out;
    auto read = [&](const Json& object) { return ReadResourceSpans(object, out); };
    if (!request.is_object()) {
      WrongType("", request, "object");
    } else if (ReadList(request, "resourceSpans", read)) {
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

  template <class Read>
  bool ReadElement(const Json& value, std::string_view name, size_t index, Read read) {
    path_.push_back({name, index});
    if (!value.is_object()) return WrongType("", value, "object");
    if (!read(value)) return false;
    path_.pop_back();
    return true;
  }

  // Absent is fine in all of these.
  template <class Read>
  bool ReadObject(const Json& parent, std::string_view name, Read read) {
    const Json* value = FindMember(parent, name);
    return value == nullptr || ReadElement(*value, name, kNoIndex, read);
  }

  template <class Read>
  bool ReadList(const Json& parent, std::string_view name, Read read) {
    const Json* list = FindMember(parent, name);
    if (list == nullptr) return true;
    if (!list->is_array()) return WrongType(name, *list, "array");
    for (size_t i = 0; i < list->as_array().size(); ++i)
      if (!ReadElement(list->as_array()[i], name, i, read)) return false;
    return true;
  }

  bool ReadText(const Json& parent, std::string_view name, std::string& out) {
    const Json* value = FindMember(parent, name);
    if (value == nullptr) return true;
    if (!value->is_string()) return WrongType(name, *value, "string");
    out = value->as_string();
    return true;
  }

  template <class Id>
  bool ReadId(const Json& parent, std::string_view name, bool may_be_zero, Id& out) {
    std::string hex;
    if (!ReadText(parent, name, hex)) return false;
    if (hex.empty() && may_be_zero) return true;
    auto id = Id::FromHex(hex);
    if (!id)
      return Refuse(name, fmt::format("{}; want {} hex digits", id.error().message, 2 * out.bytes.size()));
    out = *id;
    return may_be_zero || !out.IsZero() || Refuse(name, "all zeros");
  }

  // A whole number of any JSON spelling.
  bool ToInt(std::string_view name, const Json& value, int64_t& out) {
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

  bool ReadTime(const Json& parent, std::string_view name, int64_t& out) {
    const Json* value = FindMember(parent, name);
    if (value == nullptr) return true;
    return ToInt(name, *value, out) && (out >= 0 || Refuse(name, "time before 1970"));
  }

  bool ReadFlags(const Json& parent, std::string_view name, uint32_t& out) {
    const Json* value = FindMember(parent, name);
    int64_t number = 0;
    if (value == nullptr) return true;
    if (!ToInt(name, *value, number)) return false;
    out = static_cast<uint32_t>(number);
    return std::in_range<uint32_t>(number) || Refuse(name, "not within 32 bits");
  }

  template <class Enum, size_t N>
  bool ReadEnum(const Json& parent, std::string_view name, const std::string_view (&names)[N], Enum& out) {
    const Json* value = FindMember(parent, name);
    if (value == nullptr) return true;
    if (value->is_int()) {
      out =
          value->as_int() >= 0 && value->as_int() < int64_t{N} ? static_cast<Enum>(value->as_int()) : Enum{};
      return true;
    }
    if (!value->is_string()) return WrongType(name, *value, "number or name");
    auto found = std::ranges::find(names, std::string_view(value->as_string()));
    out = static_cast<Enum>(found - names);
    return found != std::end(names) ||
           Refuse(name, fmt::format("no such name; want {} … {}", names[0], names[N - 1]));
  }

  bool ReadResourceSpans(const Json& object, std::string& out);
  bool ReadScopeSpans(const Json& object, ScopeSpans& scope);
  bool ReadSpan(const Json& object, Span& span);
  bool ReadEvent(const Json& object, Event& event);
  bool ReadLink(const Json& object, Link& link);
  bool ReadAttributes(const Json& object, Attributes& attributes);
  bool ReadKeyValue(const Json& object, int depth, KeyValue& out);
  bool ReadValue(const Json& object, int depth, Value& out);
  bool ReadDouble(const Json& value, Value& out);
  bool ReadBytes(const Json& value, Value& out);
  bool ReadArray(const Json& object, int depth, Value& out);
  bool ReadMap(const Json& object, int depth, Value& out);

  std::vector<Step> path_;
  Error error_;
};

bool JsonTraceReader::ReadResourceSpans(const Json& object, std::string& out) {
  Attributes resource;
  std::vector<ScopeSpans> scopes;
  auto read_resource = [&](const Json& inner) { return ReadAttributes(inner, resource); };
  auto read_scope = [&](const Json& inner) { return ReadScopeSpans(inner, scopes.emplace_back()); };
  if (!ReadObject(object, "resource", read_resource) || !ReadList(object, "scopeSpans", read_scope))
    return false;
  AppendResourceSpans(out, resource, scopes);
  return true;
}

bool JsonTraceReader::ReadScopeSpans(const Json& object, ScopeSpans& scope) {
  auto read_scope = [&](const Json& inner) {
    return ReadText(inner, "name", scope.scope_name) && ReadText(inner, "version", scope.scope_version) &&
           ReadAttributes(inner, scope.scope_attributes);
  };
  auto read_span = [&](const Json& inner) { return ReadSpan(inner, scope.spans.emplace_back()); };
  return ReadObject(object, "scope", read_scope) && ReadList(object, "spans", read_span);
}

bool JsonTraceReader::ReadSpan(const Json& object, Span& span) {
  auto read_event = [&](const Json& inner) { return ReadEvent(inner, span.events.emplace_back()); };
  auto read_link = [&](const Json& inner) { return ReadLink(inner, span.links.emplace_back()); };
  auto read_status = [&](const Json& inner) {
    return ReadText(inner, "message", span.status_message) &&
           ReadEnum(inner, "code", kStatusNames, span.status);
  };
  return ReadId(object, "traceId", false, span.trace_id) && ReadId(object, "spanId", false, span.span_id) &&
         ReadText(object, "traceState", span.trace_state) &&
         ReadId(object, "parentSpanId", true, span.parent_span_id) && ReadText(object, "name", span.name) &&
         ReadEnum(object, "kind", kKindNames, span.kind) &&
         ReadTime(object, "startTimeUnixNano", span.start_unix_ns) &&
         ReadTime(object, "endTimeUnixNano", span.end_unix_ns) && ReadAttributes(object, span.attributes) &&
         ReadList(object, "events", read_event) && ReadList(object, "links", read_link) &&
         ReadObject(object, "status", read_status) && ReadFlags(object, "flags", span.flags);
}

bool JsonTraceReader::ReadEvent(const Json& object, Event& event) {
  return ReadTime(object, "timeUnixNano", event.time_unix_ns) && ReadText(object, "name", event.name) &&
         ReadAttributes(object, event.attributes);
}

bool JsonTraceReader::ReadLink(const Json& object, Link& link) {
  return ReadId(object, "traceId", true, link.trace_id) && ReadId(object, "spanId", true, link.span_id) &&
         ReadText(object, "traceState", link.trace_state) && ReadAttributes(object, link.attributes) &&
         ReadFlags(object, "flags", link.flags);
}

bool JsonTraceReader::ReadAttributes(const Json& object, Attributes& attributes) {
  return ReadList(object, "attributes",
                  [&](const Json& entry) { return ReadKeyValue(entry, 0, attributes.emplace_back()); });
}

bool JsonTraceReader::ReadKeyValue(const Json& object, int depth, KeyValue& out) {
  return ReadText(object, "key", out.key) &&
         ReadObject(object, "value", [&](const Json& value) { return ReadValue(value, depth, out.value); });
}

bool JsonTraceReader::ReadValue(const Json& object, int depth, Value& out) {
  if (depth > kValueDepthMax) return Refuse("", fmt::format("nested deeper than {}", kValueDepthMax));
  size_t found = 0;
  for (const auto& [key, value] : object.as_object()) {
    bool ok = true;
    if (value.is_null()) continue;
    if (IsNamed(key, "stringValue")) {
      ok = ReadText(object, "stringValue", out.value.emplace<std::string>());
    } else if (IsNamed(key, "boolValue")) {
      ok = value.is_bool() || WrongType("boolValue", value, "boolean");
      if (ok) out.value = value.as_bool();
    } else if (IsNamed(key, "intValue")) {
      ok = ToInt("intValue", value, out.value.emplace<int64_t>());
    } else if (IsNamed(key, "doubleValue")) {
      ok = ReadDouble(value, out);
    } else if (IsNamed(key, "bytesValue")) {
      ok = ReadBytes(value, out);
    } else if (IsNamed(key, "arrayValue")) {
      ok = ReadElement(value, "arrayValue", kNoIndex,
                       [&](const Json& list) { return ReadArray(list, depth, out); });
    } else if (IsNamed(key, "kvlistValue")) {
      ok = ReadElement(value, "kvlistValue", kNoIndex,
                       [&](const Json& list) { return ReadMap(list, depth, out); });
    } else {
      continue;
    }
    if (!ok) return false;
    if (++found > 1) return Refuse("", "more than one value");
  }
  return true;
}

bool JsonTraceReader::ReadDouble(const Json& value, Value& out) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double& number = out.value.emplace<double>();
  if (value.is_number()) {
    number = value.as_double();
    return true;
  }
  if (!value.is_string()) return WrongType("doubleValue", value, "number or string of one");
  const std::string& text = value.as_string();
  if (text == "NaN" || text == "Infinity" || text == "-Infinity") {
    number = text == "NaN"        ? std::numeric_limits<double>::quiet_NaN()
             : text == "Infinity" ? kInfinity
                                  : -kInfinity;
    return true;
  }
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool all_read = error == std::errc() && end == text.data() + text.size();
  return (all_read && std::isfinite(number)) || Refuse("doubleValue", "no number");
}

bool JsonTraceReader::ReadBytes(const Json& value, Value& out) {
  if (!value.is_string()) return WrongType("bytesValue", value, "string in base64");
  std::string text = value.as_string();
  std::ranges::replace(text, '-', '+');
  std::ranges::replace(text, '_', '/');
  if (!text.ends_with('=')) text.append((4 - text.size() % 4) % 4, '=');
  auto bytes = Base64Decode(text);
  if (!bytes) return Refuse("bytesValue", bytes.error().message);
  out.value = Bytes{*std::move(bytes)};
  return true;
}

bool JsonTraceReader::ReadArray(const Json& object, int depth, Value& out) {
  std::vector<Value> items;
  if (!ReadList(object, "values",
                [&](const Json& item) { return ReadValue(item, depth + 1, items.emplace_back()); }))
    return false;
  out.value = std::move(items);
  return true;
}

bool JsonTraceReader::ReadMap(const Json& object, int depth, Value& out) {
  std::vector<KeyValue> entries;
  if (!ReadList(object, "values",
                [&](const Json& entry) { return ReadKeyValue(entry, depth + 1, entries.emplace_back()); }))
    return false;
  out.value = std::move(entries);
  return true;
}

}  // namespace

Result<std::string> TracesFromJson(std::string_view json) {
  TRY_ASSIGN(Json request, Json::Parse(json));
  return JsonTraceReader().Convert(request);
}

}  // namespace beleg::wire::otlp
