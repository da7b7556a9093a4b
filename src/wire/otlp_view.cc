#include "wire/otlp_view.h"

#include "wire/otlp_fields.h"
#include "wire/otlp_head.h"
#include "wire/otlp_reader.h"

namespace beleg::wire::otlp {
namespace {

using protozero::pbf_wire_type;
using Type = ValueView::Type;

// The rules stand in otlp_read.cc as well, for values; a test holds the two together.
class ViewReader : private OtlpReader {
 public:
  explicit ViewReader(std::string_view request, PartialSuccess* rejected = nullptr)
      : OtlpReader(request), rejected_(rejected) {}

  Result<std::vector<ResourceSpansView>> ReadAll() {
    std::vector<ResourceSpansView> out;
    TRY(Fenced([&](Message request) { return ReadRequest(request, out); }));
    return out;
  }
  std::vector<std::string_view> ReadTexts() {
    std::vector<std::string_view> out;
    std::ignore = Fenced([&](Message array) {
      return Items(array, [&](const ValueView& item) {
        if (item.type == Type::kText) out.push_back(item.bytes);
      });
    });
    return out;
  }

 private:
  static std::string_view BytesOf(const Message& message) {
    return {message.data().data(), message.data().size()};
  }

  template <class ReadField>
  bool Fields(Message& message, ReadField read) {
    while (Next(message))
      if (!read(message.tag())) return false;
    return true;
  }
  static bool Skip(Message& message) {
    message.skip();
    return true;
  }

  bool ReadRequest(Message& request, std::vector<ResourceSpansView>& out);
  bool ReadResourceSpans(Message& message, ResourceSpansView& out);
  bool ReadScopeSpans(Message& message, ScopeSpansView& out);
  bool CheckScope(Message& message);
  bool ReadSpan(Message& message, SpanView& span);
  bool ReadSpanField(Message& message, SpanView& span);
  bool CheckEvent(Message& message);
  bool CheckLink(Message& message);
  bool ReadStatus(Message& message, SpanView& span);
  bool CheckText(Message& message, const char* name);
  bool CheckAttribute(Message& message, size_t index);
  bool ReadKeyValue(Message& message, int depth, AttributeView& out);
  bool ReadValue(Message& message, int depth, ValueView& out);
  bool CheckArray(Message& message, int depth);
  bool CheckMap(Message& message, int depth);
  template <class Take>
  bool Items(Message& array, Take take, int depth = 0);

  PartialSuccess* const rejected_;
  size_t events_ = 0, links_ = 0;  // of the span that is being read
};

bool ViewReader::ReadRequest(Message& request, std::vector<ResourceSpansView>& out) {
  return Fields(request, [&](uint32_t tag) {
    if (tag != fields::request::kResourceSpans) return Skip(request);
    return ReadMessage(request, "resource_spans", out.size(),
                       [&](Message& message) { return ReadResourceSpans(message, out.emplace_back()); });
  });
}

bool ViewReader::ReadResourceSpans(Message& message, ResourceSpansView& out) {
  return Fields(message, [&](uint32_t tag) {
    switch (tag) {
      case fields::resource_spans::kResource:
        return ReadMessage(message, "resource", kNoIndex,
                           [&](Message& inner) { return ReadResource(inner, out.resource); });
      case fields::resource_spans::kScopeSpans:
        return ReadMessage(message, "scope_spans", out.scopes.size(),
                           [&](Message& scope) { return ReadScopeSpans(scope, out.scopes.emplace_back()); });
      default: return Skip(message);
    }
  });
}

bool ViewReader::ReadScopeSpans(Message& message, ScopeSpansView& out) {
  size_t index = 0;
  const auto read_span = [&](Message& inner) {
    const size_t attributes_likely = out.spans.empty() ? 0 : out.spans.back().attributes.size();
    SpanView& span = out.spans.emplace_back();
    span.attributes.reserve(attributes_likely);
    if (ReadSpan(inner, span)) return true;
    out.spans.pop_back();
    return false;
  };
  return Fields(message, [&](uint32_t tag) {
    switch (tag) {
      case fields::scope_spans::kScope:
        return ReadMessage(message, "scope", kNoIndex, [&](Message& inner) {
          out.scope.append(BytesOf(inner));  // messages that follow each other are one
          return CheckScope(inner);
        });
      case fields::scope_spans::kSpans: return ReadItem(message, "spans", index++, rejected_, read_span);
      default: return Skip(message);
    }
  });
}

bool ViewReader::CheckScope(Message& message) {
  std::string name, version;
  Attributes attributes;
  return ReadScope(message, name, version, attributes);
}

bool ViewReader::ReadSpan(Message& message, SpanView& span) {
  const char* start = field_;
  events_ = links_ = 0;
  span.bytes = BytesOf(message);
  if (!Fields(message, [&](uint32_t) { return ReadSpanField(message, span); })) return false;
  field_ = start;
  if (span.trace_id.IsZero()) return Refuse("trace_id", "0 bytes, want 16");
  if (span.span_id.IsZero()) return Refuse("span_id", "0 bytes, want 8");
  return true;
}

bool ViewReader::ReadSpanField(Message& message, SpanView& span) {
  uint32_t flags = 0;
  switch (message.tag()) {
    case fields::span::kTraceId: return ReadId(message, "trace_id", false, span.trace_id);
    case fields::span::kSpanId: return ReadId(message, "span_id", false, span.span_id);
    case fields::span::kTraceState: return CheckText(message, "trace_state");
    case fields::span::kParentSpanId: return ReadId(message, "parent_span_id", true, span.parent_span_id);
    case fields::span::kName: return ViewText(message, "name", span.name);
    case fields::span::kKind: return ReadEnum(message, "kind", SpanKind::kConsumer, span.kind);
    case fields::span::kStartTime: return ReadTime(message, "start_time_unix_nano", span.start_unix_ns);
    case fields::span::kEndTime: return ReadTime(message, "end_time_unix_nano", span.end_unix_ns);
    case fields::span::kAttributes:
      return ReadMessage(message, "attributes", span.attributes.size(), [&](Message& entry) {
        return ReadKeyValue(entry, 0, span.attributes.emplace_back());
      });
    case fields::span::kEvents:
      return ReadMessage(message, "events", events_++, [&](Message& event) { return CheckEvent(event); });
    case fields::span::kLinks:
      return ReadMessage(message, "links", links_++, [&](Message& link) { return CheckLink(link); });
    case fields::span::kStatus:
      return ReadMessage(message, "status", kNoIndex,
                         [&](Message& status) { return ReadStatus(status, span); });
    case fields::span::kFlags: return ReadFlags(message, "flags", flags);
    default: return Skip(message);
  }
}

bool ViewReader::CheckEvent(Message& message) {
  int64_t time_unix_ns = 0;
  size_t attributes = 0;
  return Fields(message, [&](uint32_t tag) {
    switch (tag) {
      case fields::event::kTime: return ReadTime(message, "time_unix_nano", time_unix_ns);
      case fields::event::kName: return CheckText(message, "name");
      case fields::event::kAttributes: return CheckAttribute(message, attributes++);
      default: return Skip(message);
    }
  });
}

bool ViewReader::CheckLink(Message& message) {
  TraceId trace_id;
  SpanId span_id;
  uint32_t flags = 0;
  size_t attributes = 0;
  return Fields(message, [&](uint32_t tag) {
    switch (tag) {
      case fields::link::kTraceId: return ReadId(message, "trace_id", true, trace_id);
      case fields::link::kSpanId: return ReadId(message, "span_id", true, span_id);
      case fields::link::kTraceState: return CheckText(message, "trace_state");
      case fields::link::kAttributes: return CheckAttribute(message, attributes++);
      case fields::link::kFlags: return ReadFlags(message, "flags", flags);
      default: return Skip(message);
    }
  });
}

bool ViewReader::ReadStatus(Message& message, SpanView& span) {
  return Fields(message, [&](uint32_t tag) {
    switch (tag) {
      case fields::status::kMessage: return CheckText(message, "message");
      case fields::status::kCode: return ReadEnum(message, "code", StatusCode::kError, span.status);
      default: return Skip(message);
    }
  });
}

bool ViewReader::CheckText(Message& message, const char* name) {
  std::string_view text;
  return ViewText(message, name, text);
}

bool ViewReader::CheckAttribute(Message& message, size_t index) {
  AttributeView attribute;
  return ReadMessage(message, "attributes", index,
                     [&](Message& entry) { return ReadKeyValue(entry, 0, attribute); });
}

bool ViewReader::ReadKeyValue(Message& message, int depth, AttributeView& out) {
  return Fields(message, [&](uint32_t tag) {
    switch (tag) {
      case fields::key_value::kKey: return ViewText(message, "key", out.key);
      case fields::key_value::kValue:
        return ReadMessage(message, "value", kNoIndex,
                           [&](Message& value) { return ReadValue(value, depth, out.value); });
      default: return Skip(message);
    }
  });
}

bool ViewReader::ReadValue(Message& message, int depth, ValueView& out) {
  const auto number = [&](Type type, const char* name) {
    if (!Typed(message, name, pbf_wire_type::varint)) return false;
    const int64_t value = message.get_int64();
    out = {type, {}, type == Type::kBool ? value != 0 : value};
    return true;
  };
  const auto items = [&](Type type, const char* name, bool (ViewReader::*check)(Message&, int)) {
    return ReadMessage(message, name, kNoIndex, [&](Message& inner) {
      out = {type, BytesOf(inner)};
      return (this->*check)(inner, depth + 1);
    });
  };
  double real = 0;
  return Fields(message, [&](uint32_t tag) {
    switch (tag) {
      case fields::any_value::kString:
        out = {Type::kText};
        return ViewText(message, "string_value", out.bytes);
      case fields::any_value::kBool: return number(Type::kBool, "bool_value");
      case fields::any_value::kInt: return number(Type::kInt, "int_value");
      case fields::any_value::kDouble:
        out = {Type::kDouble};
        return ReadDouble(message, "double_value", real);
      case fields::any_value::kArray: return items(Type::kArray, "array_value", &ViewReader::CheckArray);
      case fields::any_value::kMap: return items(Type::kMap, "kvlist_value", &ViewReader::CheckMap);
      case fields::any_value::kBytes: {
        if (!Typed(message, "bytes_value", pbf_wire_type::length_delimited)) return false;
        const auto view = message.get_view();
        out = {Type::kBytes, {view.data(), view.size()}};
        return true;
      }
      default: return Skip(message);
    }
  });
}

bool ViewReader::CheckArray(Message& message, int depth) {
  if (depth > kValueDepthMax) return Refuse("", fmt::format("nested deeper than {}", kValueDepthMax));
  return Items(message, [](const ValueView&) {}, depth);
}

bool ViewReader::CheckMap(Message& message, int depth) {
  if (depth > kValueDepthMax) return Refuse("", fmt::format("nested deeper than {}", kValueDepthMax));
  size_t index = 0;
  return Fields(message, [&](uint32_t tag) {
    if (tag != fields::any_value::kItems) return Skip(message);
    AttributeView entry;
    return ReadMessage(message, "values", index++,
                       [&](Message& inner) { return ReadKeyValue(inner, depth, entry); });
  });
}

template <class Take>
bool ViewReader::Items(Message& array, Take take, int depth) {
  size_t index = 0;
  return Fields(array, [&](uint32_t tag) {
    if (tag != fields::any_value::kItems) return Skip(array);
    ValueView item;
    if (!ReadMessage(array, "values", index++,
                     [&](Message& inner) { return ReadValue(inner, depth, item); })) {
      return false;
    }
    take(item);
    return true;
  });
}

}  // namespace

Result<std::vector<ResourceSpansView>> ViewTraces(std::string_view request, PartialSuccess& rejected) {
  return ViewReader(request, &rejected).ReadAll();
}

std::vector<std::string_view> TextsOf(const ValueView& array) { return ViewReader(array.bytes).ReadTexts(); }

std::string RequestOfSpan(std::string_view scope, std::string_view span) {
  const size_t scope_spans_bytes = FieldBytes(scope.size()) + FieldBytes(span.size());
  const size_t resource_spans_bytes = FieldBytes(scope_spans_bytes);
  std::string out;
  out.reserve(FieldBytes(resource_spans_bytes));
  AppendHead(out, fields::request::kResourceSpans, resource_spans_bytes);
  AppendHead(out, fields::resource_spans::kScopeSpans, scope_spans_bytes);
  AppendHead(out, fields::scope_spans::kScope, scope.size());
  out.append(scope);
  AppendHead(out, fields::scope_spans::kSpans, span.size());
  out.append(span);
  return out;
}

}  // namespace beleg::wire::otlp
