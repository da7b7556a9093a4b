#include <cmath>
#include <unordered_map>

#include "wire/otlp_json.h"

namespace beleg::wire::otlp {
namespace {

void SetText(Json& object, std::string_view name, std::string_view text) {
  if (!text.empty()) object.Set(name, text);
}

// proto3 JSON writes 64-bit integers as strings.
void SetTime(Json& object, std::string_view name, int64_t unix_ns) {
  if (unix_ns != 0) object.Set(name, std::to_string(unix_ns));
}

void SetFlags(Json& object, uint32_t flags) {
  if (flags != 0) object.Set("flags", flags);
}

void SetList(Json& object, std::string_view name, Json::Array items) {
  if (!items.empty()) object.Set(name, std::move(items));
}

Json DoubleToJson(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  return number;
}

Json ValueToJson(const Value& value);

Json::Array KeyValuesToJson(const std::vector<KeyValue>& entries) {
  Json::Array out;
  out.reserve(entries.size());
  for (const auto& [key, value] : entries) {
    Json entry = Json::MakeObject({});
    SetText(entry, "key", key);
    entry.Set("value", ValueToJson(value));
    out.push_back(std::move(entry));
  }
  return out;
}

struct ValueToJsonVisitor {
  Json operator()(std::monostate) const { return Json::MakeObject({}); }
  Json operator()(const std::string& text) const { return Json::MakeObject({{"stringValue", text}}); }
  Json operator()(bool flag) const { return Json::MakeObject({{"boolValue", flag}}); }
  Json operator()(int64_t number) const { return Json::MakeObject({{"intValue", std::to_string(number)}}); }
  Json operator()(double number) const { return Json::MakeObject({{"doubleValue", DoubleToJson(number)}}); }
  Json operator()(const Bytes& bytes) const {
    return Json::MakeObject({{"bytesValue", Base64Encode(bytes.bytes)}});
  }
  Json operator()(const std::vector<Value>& items) const {
    Json::Array list;
    for (const auto& item : items) list.push_back(ValueToJson(item));
    return Wrapped("arrayValue", std::move(list));
  }
  Json operator()(const std::vector<KeyValue>& entries) const {
    return Wrapped("kvlistValue", KeyValuesToJson(entries));
  }

  static Json Wrapped(const char* name, Json::Array list) {
    Json values = Json::MakeObject({});
    SetList(values, "values", std::move(list));
    return Json::MakeObject({{name, std::move(values)}});
  }
};

Json ValueToJson(const Value& value) { return std::visit(ValueToJsonVisitor(), value.value); }

Json EventToJson(const Event& event) {
  Json out = Json::MakeObject({});
  SetTime(out, "timeUnixNano", event.time_unix_ns);
  SetText(out, "name", event.name);
  SetList(out, "attributes", KeyValuesToJson(event.attributes));
  return out;
}

Json LinkToJson(const Link& link) {
  Json out = Json::MakeObject({{"traceId", link.trace_id.Hex()}, {"spanId", link.span_id.Hex()}});
  SetText(out, "traceState", link.trace_state);
  SetList(out, "attributes", KeyValuesToJson(link.attributes));
  SetFlags(out, link.flags);
  return out;
}

Json SpanToJson(const Span& span) {
  Json out = Json::MakeObject({{"traceId", span.trace_id.Hex()}, {"spanId", span.span_id.Hex()}});
  SetText(out, "traceState", span.trace_state);
  if (!span.parent_span_id.IsZero()) out.Set("parentSpanId", span.parent_span_id.Hex());
  SetText(out, "name", span.name);
  if (span.kind != SpanKind::kUnspecified) out.Set("kind", static_cast<int>(span.kind));
  SetTime(out, "startTimeUnixNano", span.start_unix_ns);
  SetTime(out, "endTimeUnixNano", span.end_unix_ns);
  SetList(out, "attributes", KeyValuesToJson(span.attributes));
  Json::Array events, links;
  for (const auto& event : span.events) events.push_back(EventToJson(event));
  for (const auto& link : span.links) links.push_back(LinkToJson(link));
  SetList(out, "events", std::move(events));
  SetList(out, "links", std::move(links));
  Json status;
  SetText(status, "message", span.status_message);
  if (span.status != StatusCode::kUnset) status.Set("code", static_cast<int>(span.status));
  if (!status.is_null()) out.Set("status", std::move(status));
  SetFlags(out, span.flags);
  return out;
}

Json ScopeToJson(const ScopeSpans& scope) {
  Json inner;
  SetText(inner, "name", scope.scope_name);
  SetText(inner, "version", scope.scope_version);
  SetList(inner, "attributes", KeyValuesToJson(scope.scope_attributes));
  Json out = Json::MakeObject({});
  if (!inner.is_null()) out.Set("scope", std::move(inner));
  Json::Array spans;
  for (const auto& span : scope.spans) spans.push_back(SpanToJson(span));
  SetList(out, "spans", std::move(spans));
  return out;
}

Json ValueToPlainJson(const Value& value);

Json EntriesToPlainJson(const std::vector<KeyValue>& entries) {
  Json::Object members;
  std::unordered_map<std::string_view, size_t> places;
  for (const auto& [key, value] : entries) {
    auto [place, is_new] = places.emplace(key, members.size());
    if (is_new) members.emplace_back(key, Json());
    members[place->second].second = ValueToPlainJson(value);
  }
  return Json(std::move(members));
}

struct ValueToPlainJsonVisitor {
  Json operator()(std::monostate) const { return Json(); }
  Json operator()(const std::string& text) const { return text; }
  Json operator()(bool flag) const { return flag; }
  Json operator()(int64_t number) const { return number; }
  Json operator()(double number) const { return DoubleToJson(number); }
  Json operator()(const Bytes& bytes) const { return Base64Encode(bytes.bytes); }
  Json operator()(const std::vector<Value>& items) const {
    Json::Array list;
    for (const auto& item : items) list.push_back(ValueToPlainJson(item));
    return Json(std::move(list));
  }
  Json operator()(const std::vector<KeyValue>& entries) const { return EntriesToPlainJson(entries); }
};

Json ValueToPlainJson(const Value& value) { return std::visit(ValueToPlainJsonVisitor(), value.value); }

}  // namespace

Json TracesToJson(const std::vector<ScopeSpans>& scopes) {
  Json::Array groups;
  for (size_t next = 0; next < scopes.size();) {
    const Attributes& resource = scopes[next].resource;
    Json group = Json::MakeObject({});
    if (!resource.empty())
      group.Set("resource", Json::MakeObject({{"attributes", KeyValuesToJson(resource)}}));
    Json::Array members;
    do {
      members.push_back(ScopeToJson(scopes[next++]));
    } while (next < scopes.size() && scopes[next].resource == resource);
    SetList(group, "scopeSpans", std::move(members));
    groups.push_back(std::move(group));
  }
  Json out = Json::MakeObject({});
  SetList(out, "resourceSpans", std::move(groups));
  return out;
}

Json TraceResponseToJson(int64_t rejected_spans, std::string_view error_message) {
  Json partial_success = Json::MakeObject({});
  if (rejected_spans > 0) partial_success.Set("rejectedSpans", std::to_string(rejected_spans));
  SetText(partial_success, "errorMessage", error_message);
  return Json::MakeObject({{"partialSuccess", std::move(partial_success)}});
}

Json AttributesToPlainJson(const Attributes& attributes) { return EntriesToPlainJson(attributes); }

}  // namespace beleg::wire::otlp
