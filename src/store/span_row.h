// A received or derived span made ready to be a row: the audited attributes as columns, the whole as OTLP bytes.
//
// Source: docs/formats/store.md, "Columns".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/fingerprint.h"
#include "wire/otlp.h"

namespace beleg::store {

// "This span is a view of that leaf."
struct LeafClaim {
  std::string origin;
  uint64_t index = 0;
};

struct ResourceRow {
  std::string bytes;  // one OTLP ResourceSpans without spans
  Fingerprint fingerprint{};
  std::string service;  // service.name; "": not said
  std::string region;
};

struct SpanColumns {
  std::string operation, model, finish_reasons, outcome, error_type, request_id, region;  // "": NULL
  std::optional<int64_t> input_tokens, output_tokens;
};

struct PreparedSpan {
  size_t resource = 0;  // of the batch
  wire::otlp::Span span;
  std::string bytes;  // one OTLP ResourceSpans of this span and its scope, without resource attributes
  Fingerprint fingerprint{};  // of resource, scope and span
  std::optional<LeafClaim> claim;
  SpanColumns columns;
};

struct PreparedBatch {
  std::vector<ResourceRow> resources;
  std::vector<PreparedSpan> spans;
};

// Spans in their order. Cost: about 2 µs a span.
PreparedBatch Prepare(std::vector<wire::otlp::ScopeSpans> scopes);
// Adds one more scope.
void Prepare(wire::otlp::ScopeSpans scope, PreparedBatch& batch);

ResourceRow PrepareResource(const wire::otlp::Attributes& attributes);
Result<wire::otlp::Attributes> ReadResource(std::string_view bytes);
// The one span of PreparedSpan::bytes with its scope.
Result<wire::otlp::ScopeSpans> ReadSpan(std::string_view bytes);

// True if the copy says nothing about the span that the derived one does not say: the same ids, name, kind, times, status, events
// and links, and no attribute that is not there with the same value. (A collector may have dropped attributes; it may not have
// added or changed any.)
bool SaysNothingElse(const wire::otlp::Span& copy, const wire::otlp::Span& derived);

// "SERVER", "INTERNAL", …; "UNSET", "OK", "ERROR": OTLP's own names without their prefix.
std::string_view Name(wire::otlp::SpanKind kind);
std::string_view Name(wire::otlp::StatusCode status);

const wire::otlp::Value* FindAttribute(const wire::otlp::Attributes& attributes, std::string_view key);

}  // namespace beleg::store
