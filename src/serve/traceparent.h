// W3C trace context, level 1: the traceparent header.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace beleg::serve {

struct TraceParent {
  TraceId trace_id;
  SpanId parent_span_id;
  bool sampled = false;  // told on, but never switches a record off
};

// nullopt when the header is malformed: the specification says to start a new trace then. Higher versions are read by their first
// four fields.
std::optional<TraceParent> ParseTraceParent(std::string_view header);

std::string FormatTraceParent(const TraceParent& parent);

}  // namespace beleg::serve
