// OTLP/JSON (the proto3 JSON mapping with OTLP's own rules: ids in hex, enums as numbers, lowerCamelCase, 64-bit integers
// as strings or numbers; unknown members ignored) to and from the protobuf bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/json.h"
#include "wire/otlp.h"

namespace beleg::wire::otlp {

// kInvalidArgument names the JSON path, e.g. "resourceSpans[0].scopeSpans[0].spans[2].traceId: …".
Result<std::string> TracesFromJson(std::string_view json);

// The traces as OTLP/JSON.
Json TracesToJson(const std::vector<ScopeSpans>& scopes);

// One attribute list as a plain object: strings, numbers, booleans, arrays, nested objects; bytes as base64. What
// /api/v1/spans returns.
Json AttributesToPlainJson(const Attributes& attributes);

}  // namespace beleg::wire::otlp
