// Spans of an ExportTraceServiceRequest where they stand: the fields that a store asks for, the others checked and passed by.
//
// Takes and leaves out what DecodeTraces with `rejected` does (otlp_partial.h), with the same words, but makes no values of spans:
// all views are into the request, which must outlive them. A resource is there once for all its scopes, so it has no limit here.
// Cost: under half of DecodeTraces, and no values to destroy; 48 bytes an attribute.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/otlp.h"
#include "wire/otlp_edit.h"

namespace beleg::wire::otlp {

// An AnyValue.
struct ValueView {
  enum class Type : uint8_t { kNone, kText, kBool, kInt, kDouble, kBytes, kArray, kMap };
  Type type = Type::kNone;
  std::string_view bytes{};  // a text, bytes, or the message ArrayValue, KeyValueList
  int64_t number = 0;        // an int; a bool is 0 or 1
};

struct AttributeView {
  std::string_view key;
  ValueView value;
};

struct SpanView {
  TraceId trace_id;
  SpanId span_id;
  SpanId parent_span_id;  // zero: a root
  std::string_view name;
  SpanKind kind = SpanKind::kUnspecified;
  int64_t start_unix_ns = 0;
  int64_t end_unix_ns = 0;
  StatusCode status = StatusCode::kUnset;
  std::vector<AttributeView> attributes;
  std::string_view bytes;  // the whole message
};

struct ScopeSpansView {
  std::string scope;  // the bytes of the InstrumentationScope
  std::vector<SpanView> spans;
};

struct ResourceSpansView {
  Attributes resource;
  std::vector<ScopeSpansView> scopes;
};

Result<std::vector<ResourceSpansView>> ViewTraces(std::string_view request, PartialSuccess& rejected);

// The texts of an array, in their order; what is none is left out.
std::vector<std::string_view> TextsOf(const ValueView& array);

// A request of this one span: DecodeTraces gives it and its scope, without a resource.
std::string RequestOfSpan(std::string_view scope, std::string_view span);

}  // namespace beleg::wire::otlp
