// OTLP traces (opentelemetry-proto 1.x): ExportTraceServiceRequest as values, a reader and a writer.
//
// The one representation of telemetry is the protobuf bytes themselves; these values are for who makes spans (serve)
// and for who ends their way (store). Unknown fields, dropped counts and schema URLs are skipped. No generated code:
// field numbers stand in otlp_fields.h, checked in tests against the Python package opentelemetry-proto.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

namespace beleg::wire::otlp {

constexpr int kValueDepthMax = 32;  // of arrays and maps in one another; deeper is an error

// An attribute's value, read whole. Arrays and maps keep their order and keys that stand twice.
struct Value;
struct KeyValue;
struct Bytes {
  std::string bytes;
  bool operator==(const Bytes&) const = default;
};
struct Value {
  std::variant<std::monostate, std::string, bool, int64_t, double, Bytes, std::vector<Value>,
               std::vector<KeyValue>>
      value;
  Value() = default;
  Value(const char* text);
  Value(std::string text);
  Value(std::string_view text);
  Value(bool flag);
  Value(int64_t number);
  Value(int number);
  Value(double number);
  Value(Bytes bytes);
  Value(std::vector<Value> items);
  Value(std::vector<KeyValue> entries);
  bool operator==(const Value&) const;
};
struct KeyValue {
  std::string key;
  Value value;
  bool operator==(const KeyValue&) const = default;
};
using Attributes = std::vector<KeyValue>;

// A number that none of these has is read as the first.
enum class SpanKind { kUnspecified, kInternal, kServer, kClient, kProducer, kConsumer };
enum class StatusCode { kUnset, kOk, kError };

struct Event {
  int64_t time_unix_ns = 0;
  std::string name;
  Attributes attributes;
  bool operator==(const Event&) const = default;
};
struct Link {
  TraceId trace_id;  // ids of a link may be zero
  SpanId span_id;
  std::string trace_state;
  Attributes attributes;
  uint32_t flags = 0;
  bool operator==(const Link&) const = default;
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
  bool operator==(const Span&) const = default;
};

// Spans of one scope under one resource.
struct ScopeSpans {
  Attributes resource;
  std::string scope_name;
  std::string scope_version;
  Attributes scope_attributes;
  std::vector<Span> spans;
  bool operator==(const ScopeSpans&) const = default;
};

// Reads a whole ExportTraceServiceRequest. kInvalidArgument names the path and the byte where the wrong field starts,
// e.g. "resource_spans[0].scope_spans[1].spans[3].trace_id: 15 bytes, want 16 (at byte 842)". Errors are: bytes that are
// no protobuf, a known field of another wire type, a string that is no UTF-8, an id of wrong length, a trace or span id
// of zeros, a time beyond int64, values nested deeper than kValueDepthMax, resources that would take 64 MB once every
// scope has its copy. Cost: a request of n bytes makes up to about 75·n bytes of values (empty scopes), usually 5·n.
Result<std::vector<ScopeSpans>> DecodeTraces(std::string_view request);

// Writes an ExportTraceServiceRequest, fields in the order of their numbers; neighbours with equal resources share one
// ResourceSpans. DecodeTraces gives the same scopes back.
std::string EncodeTraces(const std::vector<ScopeSpans>& scopes);

// Appends one ResourceSpans to a request: these scopes under this resource (their own is not looked at).
void AppendResourceSpans(std::string& request, const Attributes& resource,
                         std::span<const ScopeSpans> scopes);

// The number of spans, without reading their content: bytes that are no protobuf inside a span are not seen.
// kInvalidArgument as above.
Result<size_t> CountSpans(std::string_view request);

// The answer to an export: ExportTraceServiceResponse, with partial_success when rejected > 0.
std::string EncodeTraceResponse(int64_t rejected_spans, std::string_view error_message);

}  // namespace beleg::wire::otlp
