// OTLP traces (opentelemetry-proto 1.x) as bytes: views that read ExportTraceServiceRequest in place, and a writer.
//
// The one representation of telemetry is the protobuf bytes themselves. A view borrows them; unknown fields are skipped
// by readers and stay in the bytes. No generated code: field numbers stand in otlp.cc, checked in tests against the
// classes of the Python package opentelemetry-proto.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace beleg::wire::otlp {

// An attribute's value, read whole. Arrays and maps keep their order.
struct Value;
struct KeyValue;
struct Bytes {
  std::string bytes;
  bool operator==(const Bytes&) const = default;
};
struct Value {
  std::variant<std::monostate, std::string, bool, int64_t, double, Bytes, std::vector<Value>, std::vector<KeyValue>> value;
  Value() = default;
  Value(const char* text) : value(std::string(text)) {}
  Value(std::string text) : value(std::move(text)) {}
  Value(std::string_view text) : value(std::string(text)) {}
  Value(bool flag) : value(flag) {}
  Value(int64_t number) : value(number) {}
  Value(int number) : value(int64_t{number}) {}
  Value(double number) : value(number) {}
  Value(Bytes bytes) : value(std::move(bytes)) {}
  Value(std::vector<Value> items) : value(std::move(items)) {}
  Value(std::vector<KeyValue> entries) : value(std::move(entries)) {}
  bool operator==(const Value&) const;
};
struct KeyValue {
  std::string key;
  Value value;
  bool operator==(const KeyValue&) const = default;
};
using Attributes = std::vector<KeyValue>;

enum class SpanKind { kUnspecified, kInternal, kServer, kClient, kProducer, kConsumer };
enum class StatusCode { kUnset, kOk, kError };

struct Event {
  int64_t time_unix_ns = 0;
  std::string name;
  Attributes attributes;
};
struct Link {
  TraceId trace_id;
  SpanId span_id;
  std::string trace_state;
  Attributes attributes;
};

struct Span {
  TraceId trace_id;
  SpanId span_id;
  SpanId parent_span_id;  // zero: a root
  std::string trace_state;
  std::string name;
  SpanKind kind = SpanKind::kUnspecified;
  int64_t start_unix_ns = 0;
  int64_t end_unix_ns = 0;
  Attributes attributes;
  std::vector<Event> events;
  std::vector<Link> links;
  StatusCode status = StatusCode::kUnset;
  std::string status_message;
  uint32_t flags = 0;
};

// Spans of one scope under one resource.
struct ScopeSpans {
  Attributes resource;
  std::string scope_name;
  std::string scope_version;
  std::vector<Span> spans;
};

// Reads a whole ExportTraceServiceRequest. kInvalidArgument names the path and byte offset of what is wrong, e.g.
// "resource_spans[0].scope_spans[1].spans[3].trace_id: 15 bytes, want 16 (at byte 842)". An id of wrong length, or a
// trace or span id of zeros, is an error.
Result<std::vector<ScopeSpans>> DecodeTraces(std::string_view request);

// Writes an ExportTraceServiceRequest.
std::string EncodeTraces(const std::vector<ScopeSpans>& scopes);

// The number of spans, without reading their content. kInvalidArgument as above.
Result<size_t> CountSpans(std::string_view request);

// The answer to an export: ExportTraceServiceResponse, with partial_success when rejected > 0.
std::string EncodeTraceResponse(int64_t rejected_spans, std::string_view error_message);

}  // namespace beleg::wire::otlp
