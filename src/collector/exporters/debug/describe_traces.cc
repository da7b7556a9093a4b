#include <ctime>

#include "base/bytes.h"
#include "collector/exporters/debug/debug.h"
#include "wire/json.h"
#include "wire/otlp.h"

namespace beleg::collector {
namespace {

using wire::otlp::Attributes;
using wire::otlp::KeyValue;
using wire::otlp::Value;

// Control bytes of a sender must not reach a terminal.
std::string Clean(std::string_view text) {
  std::string quoted;
  wire::AppendJsonString(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

std::string Describe(const Value& value);

std::string Join(const std::vector<Value>& items) {
  std::string out;
  for (const Value& item : items) out += (out.empty() ? "" : ",") + Describe(item);
  return "Slice([" + out + "])";
}

std::string Join(const std::vector<KeyValue>& entries) {
  std::string out;
  for (const KeyValue& entry : entries)
    out += (out.empty() ? "" : ",") + Clean(entry.key) + ":" + Describe(entry.value);
  return "Map({" + out + "})";
}

std::string Describe(const Value& value) {
  struct Visit {
    std::string operator()(std::monostate) { return "Empty()"; }
    std::string operator()(const std::string& text) { return "Str(" + Clean(text) + ")"; }
    std::string operator()(bool flag) { return fmt::format("Bool({})", flag); }
    std::string operator()(int64_t number) { return fmt::format("Int({})", number); }
    std::string operator()(double number) { return fmt::format("Double({})", number); }
    std::string operator()(const wire::otlp::Bytes& bytes) {
      return fmt::format("Bytes({})", HexEncode(bytes.bytes));
    }
    std::string operator()(const std::vector<Value>& items) { return Join(items); }
    std::string operator()(const std::vector<KeyValue>& entries) { return Join(entries); }
  };
  return std::visit(Visit{}, value.value);
}

void List(std::string& out, std::string_view title, const Attributes& attributes) {
  if (attributes.empty()) return;
  out += fmt::format("{}:\n", title);
  for (const KeyValue& each : attributes)
    out += fmt::format("     -> {}: {}\n", Clean(each.key), Describe(each.value));
}

std::string Time(int64_t unix_ns) {
  std::time_t seconds = unix_ns / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:09} +0000 UTC", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                     unix_ns % 1'000'000'000);
}

std::string_view KindName(wire::otlp::SpanKind kind) {
  constexpr std::string_view kNames[] = {"Unspecified", "Internal", "Server",
                                         "Client",      "Producer", "Consumer"};
  return kNames[static_cast<size_t>(kind)];
}

std::string_view StatusName(wire::otlp::StatusCode code) {
  constexpr std::string_view kNames[] = {"Unset", "Ok", "Error"};
  return kNames[static_cast<size_t>(code)];
}

void Describe(std::string& out, size_t index, const wire::otlp::Span& span) {
  out += fmt::format("Span #{}\n    Trace ID       : {}\n    Parent ID      : {}\n    ID             : {}\n",
                     index, span.trace_id.Hex(),
                     span.parent_span_id.IsZero() ? "" : span.parent_span_id.Hex(), span.span_id.Hex());
  out += fmt::format(
      "    Name           : {}\n    Kind           : {}\n    Start time     : {}\n    End time       : {}\n",
      Clean(span.name), KindName(span.kind), Time(span.start_unix_ns), Time(span.end_unix_ns));
  out += fmt::format("    Status code    : {}\n    Status message : {}\n", StatusName(span.status),
                     Clean(span.status_message));
  List(out, "Attributes", span.attributes);
  for (size_t i = 0; i < span.events.size(); ++i) {
    out += fmt::format("SpanEvent #{}\n     -> Name: {}\n     -> Timestamp: {}\n", i,
                       Clean(span.events[i].name), Time(span.events[i].time_unix_ns));
    List(out, "     -> Attributes", span.events[i].attributes);
  }
  for (size_t i = 0; i < span.links.size(); ++i) {
    out += fmt::format("SpanLink #{}\n     -> Trace ID: {}\n     -> ID: {}\n", i,
                       span.links[i].trace_id.Hex(), span.links[i].span_id.Hex());
    List(out, "     -> Attributes", span.links[i].attributes);
  }
}

}  // namespace

std::string DescribeTraces(std::string_view request) {
  auto scopes = wire::otlp::DecodeTraces(request);
  if (!scopes) return fmt::format("spans that cannot be read: {}\n", scopes.error().message);
  std::string out;
  for (size_t i = 0; i < scopes->size(); ++i) {
    const wire::otlp::ScopeSpans& scope = (*scopes)[i];
    out += fmt::format("ScopeSpans #{}\n", i);
    List(out, "Resource attributes", scope.resource);
    out += fmt::format("InstrumentationScope {} {}\n", Clean(scope.scope_name), Clean(scope.scope_version));
    List(out, "InstrumentationScope attributes", scope.scope_attributes);
    for (size_t j = 0; j < scope.spans.size(); ++j) Describe(out, j, scope.spans[j]);
  }
  return out;
}

}  // namespace beleg::collector
