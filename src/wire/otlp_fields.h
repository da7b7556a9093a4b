// Field numbers of opentelemetry-proto 1.x (collector/trace/v1, trace/v1, resource/v1, common/v1) that we read or write.
#pragma once

#include <cstdint>

namespace beleg::wire::otlp::fields {

namespace request {  // ExportTraceServiceRequest
constexpr uint32_t kResourceSpans = 1;
}
namespace response {  // ExportTraceServiceResponse, ExportTracePartialSuccess
constexpr uint32_t kPartialSuccess = 1;
constexpr uint32_t kRejectedSpans = 1;
constexpr uint32_t kErrorMessage = 2;
}  // namespace response
namespace resource_spans {  // ResourceSpans, Resource
constexpr uint32_t kResource = 1;
constexpr uint32_t kScopeSpans = 2;
constexpr uint32_t kResourceAttributes = 1;
}  // namespace resource_spans
namespace scope_spans {  // ScopeSpans
constexpr uint32_t kScope = 1;
constexpr uint32_t kSpans = 2;
}  // namespace scope_spans
namespace scope {  // InstrumentationScope
constexpr uint32_t kName = 1;
constexpr uint32_t kVersion = 2;
constexpr uint32_t kAttributes = 3;
}  // namespace scope
namespace span {
constexpr uint32_t kTraceId = 1;
constexpr uint32_t kSpanId = 2;
constexpr uint32_t kTraceState = 3;
constexpr uint32_t kParentSpanId = 4;
constexpr uint32_t kName = 5;
constexpr uint32_t kKind = 6;
constexpr uint32_t kStartTime = 7;
constexpr uint32_t kEndTime = 8;
constexpr uint32_t kAttributes = 9;
constexpr uint32_t kEvents = 11;
constexpr uint32_t kLinks = 13;
constexpr uint32_t kStatus = 15;
constexpr uint32_t kFlags = 16;
}  // namespace span
namespace event {  // Span.Event
constexpr uint32_t kTime = 1;
constexpr uint32_t kName = 2;
constexpr uint32_t kAttributes = 3;
}  // namespace event
namespace link {  // Span.Link
constexpr uint32_t kTraceId = 1;
constexpr uint32_t kSpanId = 2;
constexpr uint32_t kTraceState = 3;
constexpr uint32_t kAttributes = 4;
constexpr uint32_t kFlags = 6;
}  // namespace link
namespace status {
constexpr uint32_t kMessage = 2;
constexpr uint32_t kCode = 3;
}  // namespace status
namespace key_value {
constexpr uint32_t kKey = 1;
constexpr uint32_t kValue = 2;
}  // namespace key_value
namespace any_value {  // AnyValue; ArrayValue and KeyValueList have the one field kItems
constexpr uint32_t kString = 1;
constexpr uint32_t kBool = 2;
constexpr uint32_t kInt = 3;
constexpr uint32_t kDouble = 4;
constexpr uint32_t kArray = 5;
constexpr uint32_t kMap = 6;
constexpr uint32_t kBytes = 7;
constexpr uint32_t kItems = 1;
}  // namespace any_value

}  // namespace beleg::wire::otlp::fields
