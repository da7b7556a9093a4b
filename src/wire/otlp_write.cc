#include <protozero/pbf_writer.hpp>

#include "wire/otlp.h"
#include "wire/otlp_fields.h"

namespace beleg::wire::otlp {

namespace {

using protozero::pbf_writer;

// A nested message. protozero drops one without fields, which here would lose an element, so it is written out.
template <class Write>
void AddMessage(pbf_writer& parent, uint32_t tag, bool is_empty, Write write) {
  if (is_empty) {
    parent.add_message(tag, "", 0);
    return;
  }
  pbf_writer message(parent, tag);
  write(message);
}

void AddText(pbf_writer& message, uint32_t tag, std::string_view text) {
  if (!text.empty()) message.add_string(tag, text.data(), text.size());
}

void AddTime(pbf_writer& message, uint32_t tag, int64_t unix_ns) {
  if (unix_ns != 0) message.add_fixed64(tag, static_cast<uint64_t>(unix_ns));
}

void AddValue(pbf_writer& parent, uint32_t tag, const Value& value);

void AddKeyValue(pbf_writer& parent, uint32_t tag, const KeyValue& entry) {
  pbf_writer message(parent, tag);
  AddText(message, fields::key_value::kKey, entry.key);
  AddValue(message, fields::key_value::kValue, entry.value);
}

void AddAttributes(pbf_writer& parent, uint32_t tag, const Attributes& attributes) {
  for (const auto& attribute : attributes) AddKeyValue(parent, tag, attribute);
}

struct ValueWriter {
  pbf_writer& message;

  void operator()(std::monostate) const {}
  void operator()(const std::string& text) const {
    message.add_string(fields::any_value::kString, text.data(), text.size());
  }
  void operator()(bool flag) const { message.add_bool(fields::any_value::kBool, flag); }
  void operator()(int64_t number) const { message.add_int64(fields::any_value::kInt, number); }
  void operator()(double number) const { message.add_double(fields::any_value::kDouble, number); }
  void operator()(const Bytes& bytes) const {
    message.add_bytes(fields::any_value::kBytes, bytes.bytes.data(), bytes.bytes.size());
  }
  void operator()(const std::vector<Value>& items) const {
    AddMessage(message, fields::any_value::kArray, items.empty(), [&](pbf_writer& array) {
      for (const auto& item : items) AddValue(array, fields::any_value::kItems, item);
    });
  }
  void operator()(const std::vector<KeyValue>& entries) const {
    AddMessage(message, fields::any_value::kMap, entries.empty(), [&](pbf_writer& map) {
      for (const auto& entry : entries) AddKeyValue(map, fields::any_value::kItems, entry);
    });
  }
};

void AddValue(pbf_writer& parent, uint32_t tag, const Value& value) {
  AddMessage(parent, tag, std::holds_alternative<std::monostate>(value.value),
             [&](pbf_writer& message) { std::visit(ValueWriter{message}, value.value); });
}

void AddEvent(pbf_writer& parent, const Event& event) {
  AddMessage(parent, fields::span::kEvents, event == Event{}, [&](pbf_writer& message) {
    AddTime(message, fields::event::kTime, event.time_unix_ns);
    AddText(message, fields::event::kName, event.name);
    AddAttributes(message, fields::event::kAttributes, event.attributes);
  });
}

void AddLink(pbf_writer& parent, const Link& link) {
  pbf_writer message(parent, fields::span::kLinks);
  message.add_bytes(fields::link::kTraceId, link.trace_id.view().data(), link.trace_id.bytes.size());
  message.add_bytes(fields::link::kSpanId, link.span_id.view().data(), link.span_id.bytes.size());
  AddText(message, fields::link::kTraceState, link.trace_state);
  AddAttributes(message, fields::link::kAttributes, link.attributes);
  if (link.flags != 0) message.add_fixed32(fields::link::kFlags, link.flags);
}

void AddStatus(pbf_writer& parent, const Span& span) {
  pbf_writer message(parent, fields::span::kStatus);
  AddText(message, fields::status::kMessage, span.status_message);
  if (span.status != StatusCode::kUnset)
    message.add_enum(fields::status::kCode, static_cast<int32_t>(span.status));
}

void AddSpan(pbf_writer& parent, const Span& span) {
  pbf_writer message(parent, fields::scope_spans::kSpans);
  message.add_bytes(fields::span::kTraceId, span.trace_id.view().data(), span.trace_id.bytes.size());
  message.add_bytes(fields::span::kSpanId, span.span_id.view().data(), span.span_id.bytes.size());
  AddText(message, fields::span::kTraceState, span.trace_state);
  if (!span.parent_span_id.IsZero())
    message.add_bytes(fields::span::kParentSpanId, span.parent_span_id.view().data(),
                      span.parent_span_id.bytes.size());
  AddText(message, fields::span::kName, span.name);
  if (span.kind != SpanKind::kUnspecified)
    message.add_enum(fields::span::kKind, static_cast<int32_t>(span.kind));
  AddTime(message, fields::span::kStartTime, span.start_unix_ns);
  AddTime(message, fields::span::kEndTime, span.end_unix_ns);
  AddAttributes(message, fields::span::kAttributes, span.attributes);
  for (const auto& event : span.events) AddEvent(message, event);
  for (const auto& link : span.links) AddLink(message, link);
  AddStatus(message, span);
  if (span.flags != 0) message.add_fixed32(fields::span::kFlags, span.flags);
}

void AddScope(pbf_writer& parent, const ScopeSpans& scope) {
  pbf_writer message(parent, fields::scope_spans::kScope);
  AddText(message, fields::scope::kName, scope.scope_name);
  AddText(message, fields::scope::kVersion, scope.scope_version);
  AddAttributes(message, fields::scope::kAttributes, scope.scope_attributes);
}

void AddScopeSpans(pbf_writer& parent, const ScopeSpans& scope) {
  bool is_empty = scope.spans.empty() && scope.scope_name.empty() && scope.scope_version.empty() &&
                  scope.scope_attributes.empty();
  AddMessage(parent, fields::resource_spans::kScopeSpans, is_empty, [&](pbf_writer& message) {
    AddScope(message, scope);
    for (const auto& span : scope.spans) AddSpan(message, span);
  });
}

void AddResource(pbf_writer& parent, const Attributes& resource) {
  pbf_writer message(parent, fields::resource_spans::kResource);
  AddAttributes(message, fields::resource_spans::kResourceAttributes, resource);
}

}  // namespace

std::string EncodeTraces(const std::vector<ScopeSpans>& scopes) {
  std::string out;
  for (size_t first = 0, end = 0; first < scopes.size(); first = end) {
    const Attributes& resource = scopes[first].resource;
    do {
      ++end;
    } while (end < scopes.size() && scopes[end].resource == resource);
    AppendResourceSpans(out, resource, std::span(scopes).subspan(first, end - first));
  }
  return out;
}

void AppendResourceSpans(std::string& request, const Attributes& resource,
                         std::span<const ScopeSpans> scopes) {
  pbf_writer parent(request);
  AddMessage(parent, fields::request::kResourceSpans, resource.empty() && scopes.empty(),
             [&](pbf_writer& message) {
               AddResource(message, resource);
               for (const auto& scope : scopes) AddScopeSpans(message, scope);
             });
}

std::string EncodeTraceResponse(int64_t rejected_spans, std::string_view error_message) {
  std::string out;
  if (rejected_spans == 0 && error_message.empty()) return out;
  pbf_writer response(out);
  {
    pbf_writer partial_success(response, fields::response::kPartialSuccess);  // its end writes the length
    if (rejected_spans > 0) partial_success.add_int64(fields::response::kRejectedSpans, rejected_spans);
    AddText(partial_success, fields::response::kErrorMessage, error_message);
  }
  return out;
}

}  // namespace beleg::wire::otlp
