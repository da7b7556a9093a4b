// Samples for tests of this folder and of those above it.
#pragma once

#include <vector>

#include "wire/otlp.h"

namespace beleg::wire::otlp {

// A span of nothing but its ids.
inline Span MinimalSpan() {
  Span span;
  span.trace_id.bytes.fill(1);
  span.span_id.bytes.fill(2);
  return span;
}

// A span that uses every field and every type of value.
inline Span FullSpan() {
  Span span = MinimalSpan();
  span.parent_span_id.bytes.fill(3);
  span.trace_state = "vendor=1";
  span.name = "chat größer";
  span.kind = SpanKind::kServer;
  span.start_unix_ns = 1764000000000000001;
  span.end_unix_ns = 1764000000123456789;
  span.attributes = {
      {"text", "value"},
      {"bool", true},
      {"int", int64_t{-9007199254740993}},
      {"double", 0.1},
      {"bytes", Bytes{std::string("\0\xff", 2)}},
      {"array", std::vector<Value>{"a", 1, 2.5, std::vector<Value>{false}}},
      {"map", std::vector<KeyValue>{{"inner", "x"}, {"deep", std::vector<KeyValue>{{"n", 1}}}}},
      {"empty", {}},
      {"text", "a second time"}};
  span.events = {{1764000000000000002, "first token", {{"n", 1}}}, {1764000000000000003, "done", {}}};
  Link link;
  link.trace_id.bytes.fill(4);
  link.span_id.bytes.fill(5);
  link.trace_state = "t=2";
  link.attributes = {{"why", "retry"}};
  link.flags = 1;
  span.links = {link};
  span.status = StatusCode::kError;
  span.status_message = "upstream reset";
  span.flags = 0x101;
  return span;
}

// Two resources, three scopes, three spans.
inline std::vector<ScopeSpans> SampleTraces() {
  std::vector<ScopeSpans> scopes(3);
  scopes[0] = {{{"service.name", "vllm"}, {"host.cpus", 4}},
               "beleg",
               "0.1",
               {{"k", "v"}},
               {FullSpan(), MinimalSpan()}};
  scopes[1] = {scopes[0].resource, "other", "", {}, {}};
  scopes[2] = {{{"service.name", "gateway"}}, "", "", {}, {MinimalSpan()}};
  return scopes;
}

}  // namespace beleg::wire::otlp
