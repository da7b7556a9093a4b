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
#include "wire/otlp_view.h"

namespace beleg::store {

// What the rows of one request may hold in copies of what they have in common: a small request could fill memory with them.
constexpr size_t kCopiesBytesMax = 64 << 20;

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
  std::string_view operation, model, outcome, error_type, region;  // "": NULL
  std::string finish_reasons, request_id;
  std::optional<int64_t> input_tokens, output_tokens;
};

struct PreparedSpan {
  size_t resource = 0, scope = 0;  // of the batch
  wire::otlp::SpanView span;       // without attributes
  Fingerprint fingerprint{};       // of resource, scope and span
  std::optional<LeafClaim> claim;
  SpanColumns columns;
};

// Views into the request that it was made of, which must outlive it.
struct PreparedBatch {
  std::vector<ResourceRow> resources;
  std::vector<std::string> scopes;  // the bytes of each InstrumentationScope
  std::vector<PreparedSpan> spans;
  // One OTLP ResourceSpans of this span and its scope, without resource attributes.
  std::string BytesOf(const PreparedSpan& span) const {
    return wire::otlp::RequestOfSpan(scopes[span.scope], span.span.bytes);
  }
};

// Spans in their order, without those that are wrong in themselves (otlp_partial.h). Cost: about 3 µs a span.
Result<PreparedBatch> Prepare(std::string_view request, wire::otlp::PartialSuccess& rejected);

// kInvalidArgument when the rows would hold more than 64 MB of copies: each row has its scope and service.name, so a small request
// could fill memory. For what comes from outside, before it is logged; what is in the log was acknowledged, and is taken again.
Result<void> CheckCopies(const PreparedBatch& batch);

ResourceRow PrepareResource(const wire::otlp::Attributes& attributes);
Result<wire::otlp::Attributes> ReadResource(std::string_view bytes);
// The one span of PreparedBatch::BytesOf with its scope.
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
