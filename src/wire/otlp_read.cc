#include "wire/otlp_fields.h"
#include "wire/otlp_partial.h"
#include "wire/otlp_reader.h"

namespace beleg::wire::otlp {
namespace {

// Each scope gets a copy of its resource, so a small request of many scopes under a large resource could fill memory.
constexpr size_t kResourceCopiesBytesMax = 64 << 20;

class TraceReader : private OtlpReader {
 public:
  // rejected null: one wrong span refuses the request.
  explicit TraceReader(std::string_view request, PartialSuccess* rejected = nullptr)
      : OtlpReader(request), rejected_(rejected) {}

  Result<std::vector<ScopeSpans>> ReadAll() {
    std::vector<ScopeSpans> scopes;
    TRY(Fenced([&](Message request) { return ReadRequest(request, scopes); }));
    return scopes;
  }

  Result<size_t> Count() {
    size_t count = 0;
    TRY(Fenced([&](Message request) { return CountRequest(request, count); }));
    return count;
  }

 private:
  bool ReadRequest(Message& request, std::vector<ScopeSpans>& scopes);
  bool ReadResourceSpans(Message& message, std::vector<ScopeSpans>& scopes);
  bool ReadScopeSpans(Message& message, ScopeSpans& scope);
  bool ReadSpan(Message& message, Span& span);
  bool ReadSpanField(Message& message, Span& span);
  bool ReadEvent(Message& message, Event& event);
  bool ReadLink(Message& message, Link& link);
  bool ReadStatus(Message& message, Span& span);
  bool CountRequest(Message& request, size_t& count);

  PartialSuccess* const rejected_;
  size_t resource_copies_bytes_ = 0;
};

bool TraceReader::ReadRequest(Message& request, std::vector<ScopeSpans>& scopes) {
  for (size_t index = 0; Next(request);) {
    if (request.tag() != fields::request::kResourceSpans) {
      request.skip();
    } else if (!ReadMessage(request, "resource_spans", index++,
                            [&](Message& message) { return ReadResourceSpans(message, scopes); })) {
      return false;
    }
  }
  return true;
}

bool TraceReader::ReadResourceSpans(Message& message, std::vector<ScopeSpans>& scopes) {
  const char* start = field_;
  const size_t first = scopes.size();
  Attributes resource;
  size_t resource_bytes = 0;
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::resource_spans::kResource:
        ok = ReadMessage(message, "resource", kNoIndex, [&](Message& inner) {
          resource_bytes += inner.length();
          return ReadResource(inner, resource);
        });
        break;
      case fields::resource_spans::kScopeSpans:
        ok = ReadMessage(message, "scope_spans", scopes.size() - first,
                         [&](Message& scope) { return ReadScopeSpans(scope, scopes.emplace_back()); });
        break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  field_ = start;
  resource_copies_bytes_ += resource_bytes * (scopes.size() - first);
  if (resource_copies_bytes_ > kResourceCopiesBytesMax)
    return Refuse("resource", fmt::format("{} bytes for {} scopes", resource_bytes, scopes.size() - first));
  // Only here, since fields may come in any order.
  for (size_t i = first; i < scopes.size(); ++i) scopes[i].resource = resource;
  return true;
}

bool TraceReader::ReadScopeSpans(Message& message, ScopeSpans& scope) {
  size_t index = 0;
  auto read_span = [&](Message& inner) {
    if (ReadSpan(inner, scope.spans.emplace_back())) return true;
    scope.spans.pop_back();
    return false;
  };
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::scope_spans::kScope:
        ok = ReadMessage(message, "scope", kNoIndex, [&](Message& inner) {
          return ReadScope(inner, scope.scope_name, scope.scope_version, scope.scope_attributes);
        });
        break;
      case fields::scope_spans::kSpans: ok = ReadItem(message, "spans", index++, rejected_, read_span); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool TraceReader::ReadSpan(Message& message, Span& span) {
  const char* start = field_;
  while (Next(message))
    if (!ReadSpanField(message, span)) return false;
  field_ = start;
  if (span.trace_id.IsZero()) return Refuse("trace_id", "0 bytes, want 16");
  if (span.span_id.IsZero()) return Refuse("span_id", "0 bytes, want 8");
  return true;
}

bool TraceReader::ReadSpanField(Message& message, Span& span) {
  switch (message.tag()) {
    case fields::span::kTraceId: return ReadId(message, "trace_id", false, span.trace_id);
    case fields::span::kSpanId: return ReadId(message, "span_id", false, span.span_id);
    case fields::span::kTraceState: return ReadText(message, "trace_state", span.trace_state);
    case fields::span::kParentSpanId: return ReadId(message, "parent_span_id", true, span.parent_span_id);
    case fields::span::kName: return ReadText(message, "name", span.name);
    case fields::span::kKind: return ReadEnum(message, "kind", SpanKind::kConsumer, span.kind);
    case fields::span::kStartTime: return ReadTime(message, "start_time_unix_nano", span.start_unix_ns);
    case fields::span::kEndTime: return ReadTime(message, "end_time_unix_nano", span.end_unix_ns);
    case fields::span::kAttributes: return ReadAttribute(message, "attributes", span.attributes);
    case fields::span::kEvents:
      return ReadMessage(message, "events", span.events.size(),
                         [&](Message& event) { return ReadEvent(event, span.events.emplace_back()); });
    case fields::span::kLinks:
      return ReadMessage(message, "links", span.links.size(),
                         [&](Message& link) { return ReadLink(link, span.links.emplace_back()); });
    case fields::span::kStatus:
      return ReadMessage(message, "status", kNoIndex,
                         [&](Message& status) { return ReadStatus(status, span); });
    case fields::span::kFlags: return ReadFlags(message, "flags", span.flags);
    default: message.skip(); return true;
  }
}

bool TraceReader::ReadEvent(Message& message, Event& event) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::event::kTime: ok = ReadTime(message, "time_unix_nano", event.time_unix_ns); break;
      case fields::event::kName: ok = ReadText(message, "name", event.name); break;
      case fields::event::kAttributes: ok = ReadAttribute(message, "attributes", event.attributes); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool TraceReader::ReadLink(Message& message, Link& link) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::link::kTraceId: ok = ReadId(message, "trace_id", true, link.trace_id); break;
      case fields::link::kSpanId: ok = ReadId(message, "span_id", true, link.span_id); break;
      case fields::link::kTraceState: ok = ReadText(message, "trace_state", link.trace_state); break;
      case fields::link::kAttributes: ok = ReadAttribute(message, "attributes", link.attributes); break;
      case fields::link::kFlags: ok = ReadFlags(message, "flags", link.flags); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool TraceReader::ReadStatus(Message& message, Span& span) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::status::kMessage: ok = ReadText(message, "message", span.status_message); break;
      case fields::status::kCode: ok = ReadEnum(message, "code", StatusCode::kError, span.status); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool TraceReader::CountRequest(Message& request, size_t& count) {
  auto each = [this](Message& message, uint32_t tag, const char* name, auto&& read) {
    for (size_t index = 0; Next(message);) {
      if (message.tag() != tag) {
        message.skip();
      } else if (!ReadMessage(message, name, index++, read)) {
        return false;
      }
    }
    return true;
  };
  auto count_span = [&](Message&) {
    ++count;
    return true;
  };
  auto count_scope = [&](Message& scope) {
    return each(scope, fields::scope_spans::kSpans, "spans", count_span);
  };
  return each(request, fields::request::kResourceSpans, "resource_spans", [&](Message& resource) {
    return each(resource, fields::resource_spans::kScopeSpans, "scope_spans", count_scope);
  });
}

}  // namespace

Result<std::vector<ScopeSpans>> DecodeTraces(std::string_view request) {
  return TraceReader(request).ReadAll();
}

Result<std::vector<ScopeSpans>> DecodeTraces(std::string_view request, PartialSuccess& rejected) {
  return TraceReader(request, &rejected).ReadAll();
}

Result<size_t> CountSpans(std::string_view request) { return TraceReader(request).Count(); }

}  // namespace beleg::wire::otlp
