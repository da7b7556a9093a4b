// OTLP/JSON: the proto3 JSON mapping with OTLP's own rules (ids in hex, enums as numbers, lowerCamelCase, 64-bit
// integers as strings) to and from the protobuf bytes.
//
// Readers also take what senders are known to write: snake_case names, enums by name, 64-bit integers as numbers,
// doubles as strings ("NaN", "Infinity"), base64 of either alphabet with or without padding. null is an absent member.
// Unknown members are ignored.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/json.h"
#include "wire/otlp.h"

namespace beleg::wire::otlp {

// An ExportTraceServiceRequest's bytes. kInvalidArgument: no JSON (names line and column), or not of this shape (names
// the JSON path, e.g. "resourceSpans[0].scopeSpans[0].spans[2].traceId: …"); same rules on ids, times and nesting as
// DecodeTraces.
Result<std::string> TracesFromJson(std::string_view json);
// The same of an ExportMetricsServiceRequest and an ExportLogsServiceRequest.
Result<std::string> MetricsFromJson(std::string_view json);
Result<std::string> LogsFromJson(std::string_view json);

// The traces as OTLP/JSON. Members that have their default value are left out.
Json TracesToJson(const std::vector<ScopeSpans>& scopes);

// {"partialSuccess": {…}}, EncodeTraceResponse's twin.
Json TraceResponseToJson(int64_t rejected_spans, std::string_view error_message);

// One attribute list as a plain object: strings, numbers, booleans, arrays, nested objects; bytes as base64; nothing as
// null; of a key that stands twice the last value. What /api/v1/spans returns.
Json AttributesToPlainJson(const Attributes& attributes);

}  // namespace beleg::wire::otlp
