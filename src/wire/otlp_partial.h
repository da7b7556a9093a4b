// OTLP requests as a receiver takes them: an item that is wrong in itself costs that item alone and is counted, the others are kept
// (opentelemetry-specification, "Partial Success"). What breaks the request's own shape refuses it whole.
#pragma once

#include <string_view>
#include <vector>

#include "wire/otlp.h"
#include "wire/otlp_edit.h"

namespace beleg::wire::otlp {

// DecodeTraces, but a span that breaks its rules (ids, times, texts, nesting) is left out. `rejected` says how many were, and of
// the first one why and where. Errors: bytes that are no protobuf, and all that is wrong outside spans.
Result<std::vector<ScopeSpans>> DecodeTraces(std::string_view request, PartialSuccess& rejected);

}  // namespace beleg::wire::otlp
