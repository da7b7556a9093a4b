#include "wire/otlp_schema.h"

namespace beleg::wire::otlp {
namespace {

using enum FieldKind;
using enum FieldRule;
using M = MessageType;

constexpr std::string_view kKindNames[] = {"SPAN_KIND_UNSPECIFIED", "SPAN_KIND_INTERNAL",
                                           "SPAN_KIND_SERVER",      "SPAN_KIND_CLIENT",
                                           "SPAN_KIND_PRODUCER",    "SPAN_KIND_CONSUMER"};
constexpr std::string_view kStatusNames[] = {"STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"};
constexpr std::string_view kTemporalityNames[] = {"AGGREGATION_TEMPORALITY_UNSPECIFIED",
                                                  "AGGREGATION_TEMPORALITY_DELTA",
                                                  "AGGREGATION_TEMPORALITY_CUMULATIVE"};
constexpr std::string_view kSeverityNames[] = {
    "SEVERITY_NUMBER_UNSPECIFIED", "SEVERITY_NUMBER_TRACE",  "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",      "SEVERITY_NUMBER_TRACE4", "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",      "SEVERITY_NUMBER_DEBUG3", "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",        "SEVERITY_NUMBER_INFO2",  "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",       "SEVERITY_NUMBER_WARN",   "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",       "SEVERITY_NUMBER_WARN4",  "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",      "SEVERITY_NUMBER_ERROR3", "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",       "SEVERITY_NUMBER_FATAL2", "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4"};

constexpr Field Attributes(uint32_t number, std::string_view name = "attributes") {
  return {name, number, kMessage, kRepeated, M::kKeyValue};
}
constexpr Field List(std::string_view name, uint32_t number, M type) {
  return {name, number, kMessage, kRepeated, type};
}
constexpr Field One(std::string_view name, uint32_t number, M type, FieldRule rule = kPlain) {
  return {name, number, kMessage, rule, type};
}
constexpr Field Temporality(uint32_t number) {
  return {"aggregationTemporality", number, kEnum, kPlain, {}, kTemporalityNames};
}

// common/v1, resource/v1
constexpr Field kResourceFields[] = {
    Attributes(1), {"droppedAttributesCount", 2, kUint32}, List("entityRefs", 3, M::kEntityRef)};
constexpr Field kEntityRefFields[] = {{"schemaUrl", 1, kText},
                                      {"type", 2, kText},
                                      {"idKeys", 3, kText, kRepeated},
                                      {"descriptionKeys", 4, kText, kRepeated}};
constexpr Field kScopeFields[] = {
    {"name", 1, kText}, {"version", 2, kText}, Attributes(3), {"droppedAttributesCount", 4, kUint32}};
constexpr Field kKeyValueFields[] = {{"key", 1, kText}, One("value", 2, M::kAnyValue)};
constexpr Field kAnyValueFields[] = {
    {"stringValue", 1, kText, kOneOf},       {"boolValue", 2, kBool, kOneOf},
    {"intValue", 3, kInt64, kOneOf},         {"doubleValue", 4, kDouble, kOneOf},
    One("arrayValue", 5, M::kArray, kOneOf), One("kvlistValue", 6, M::kMap, kOneOf),
    {"bytesValue", 7, kBytes, kOneOf}};
constexpr Field kArrayFields[] = {List("values", 1, M::kAnyValue)};
constexpr Field kMapFields[] = {List("values", 1, M::kKeyValue)};

// trace/v1
constexpr Field kTracesRequestFields[] = {List("resourceSpans", 1, M::kResourceSpans)};
constexpr Field kResourceSpansFields[] = {
    One("resource", 1, M::kResource), List("scopeSpans", 2, M::kScopeSpans), {"schemaUrl", 3, kText}};
constexpr Field kScopeSpansFields[] = {
    One("scope", 1, M::kScope), List("spans", 2, M::kSpan), {"schemaUrl", 3, kText}};
constexpr Field kSpanFields[] = {{"traceId", 1, kOwnTraceId},
                                 {"spanId", 2, kOwnSpanId},
                                 {"traceState", 3, kText},
                                 {"parentSpanId", 4, kSpanId},
                                 {"name", 5, kText},
                                 {"kind", 6, kEnum, kPlain, {}, kKindNames},
                                 {"startTimeUnixNano", 7, kTime},
                                 {"endTimeUnixNano", 8, kTime},
                                 Attributes(9),
                                 {"droppedAttributesCount", 10, kUint32},
                                 List("events", 11, M::kEvent),
                                 {"droppedEventsCount", 12, kUint32},
                                 List("links", 13, M::kLink),
                                 {"droppedLinksCount", 14, kUint32},
                                 One("status", 15, M::kStatus),
                                 {"flags", 16, kFixed32}};
constexpr Field kEventFields[] = {
    {"timeUnixNano", 1, kTime}, {"name", 2, kText}, Attributes(3), {"droppedAttributesCount", 4, kUint32}};
constexpr Field kLinkFields[] = {{"traceId", 1, kTraceId},
                                 {"spanId", 2, kSpanId},
                                 {"traceState", 3, kText},
                                 Attributes(4),
                                 {"droppedAttributesCount", 5, kUint32},
                                 {"flags", 6, kFixed32}};
constexpr Field kStatusFields[] = {{"message", 2, kText}, {"code", 3, kEnum, kPlain, {}, kStatusNames}};

// metrics/v1
constexpr Field kMetricsRequestFields[] = {List("resourceMetrics", 1, M::kResourceMetrics)};
constexpr Field kResourceMetricsFields[] = {
    One("resource", 1, M::kResource), List("scopeMetrics", 2, M::kScopeMetrics), {"schemaUrl", 3, kText}};
constexpr Field kScopeMetricsFields[] = {
    One("scope", 1, M::kScope), List("metrics", 2, M::kMetric), {"schemaUrl", 3, kText}};
constexpr Field kMetricFields[] = {{"name", 1, kText},
                                   {"description", 2, kText},
                                   {"unit", 3, kText},
                                   One("gauge", 5, M::kGauge, kOneOf),
                                   One("sum", 7, M::kSum, kOneOf),
                                   One("histogram", 9, M::kHistogram, kOneOf),
                                   One("exponentialHistogram", 10, M::kExponentialHistogram, kOneOf),
                                   One("summary", 11, M::kSummary, kOneOf),
                                   Attributes(12, "metadata")};
constexpr Field kGaugeFields[] = {List("dataPoints", 1, M::kNumberPoint)};
constexpr Field kSumFields[] = {
    List("dataPoints", 1, M::kNumberPoint), Temporality(2), {"isMonotonic", 3, kBool}};
constexpr Field kHistogramFields[] = {List("dataPoints", 1, M::kHistogramPoint), Temporality(2)};
constexpr Field kExponentialHistogramFields[] = {List("dataPoints", 1, M::kExponentialHistogramPoint),
                                                 Temporality(2)};
constexpr Field kSummaryFields[] = {List("dataPoints", 1, M::kSummaryPoint)};
constexpr Field kNumberPointFields[] = {{"startTimeUnixNano", 2, kTime},
                                        {"timeUnixNano", 3, kTime},
                                        {"asDouble", 4, kDouble, kOneOf},
                                        List("exemplars", 5, M::kExemplar),
                                        {"asInt", 6, kSfixed64, kOneOf},
                                        Attributes(7),
                                        {"flags", 8, kUint32}};
constexpr Field kHistogramPointFields[] = {{"startTimeUnixNano", 2, kTime},
                                           {"timeUnixNano", 3, kTime},
                                           {"count", 4, kFixed64},
                                           {"sum", 5, kDouble, kPresent},
                                           {"bucketCounts", 6, kFixed64, kRepeated},
                                           {"explicitBounds", 7, kDouble, kRepeated},
                                           List("exemplars", 8, M::kExemplar),
                                           Attributes(9),
                                           {"flags", 10, kUint32},
                                           {"min", 11, kDouble, kPresent},
                                           {"max", 12, kDouble, kPresent}};
constexpr Field kExponentialHistogramPointFields[] = {Attributes(1),
                                                      {"startTimeUnixNano", 2, kTime},
                                                      {"timeUnixNano", 3, kTime},
                                                      {"count", 4, kFixed64},
                                                      {"sum", 5, kDouble, kPresent},
                                                      {"scale", 6, kSint32},
                                                      {"zeroCount", 7, kFixed64},
                                                      One("positive", 8, M::kBuckets),
                                                      One("negative", 9, M::kBuckets),
                                                      {"flags", 10, kUint32},
                                                      List("exemplars", 11, M::kExemplar),
                                                      {"min", 12, kDouble, kPresent},
                                                      {"max", 13, kDouble, kPresent},
                                                      {"zeroThreshold", 14, kDouble}};
constexpr Field kBucketsFields[] = {{"offset", 1, kSint32}, {"bucketCounts", 2, kUint64, kRepeated}};
constexpr Field kSummaryPointFields[] = {{"startTimeUnixNano", 2, kTime},
                                         {"timeUnixNano", 3, kTime},
                                         {"count", 4, kFixed64},
                                         {"sum", 5, kDouble},
                                         List("quantileValues", 6, M::kQuantile),
                                         Attributes(7),
                                         {"flags", 8, kUint32}};
constexpr Field kQuantileFields[] = {{"quantile", 1, kDouble}, {"value", 2, kDouble}};
constexpr Field kExemplarFields[] = {{"timeUnixNano", 2, kTime},      {"asDouble", 3, kDouble, kOneOf},
                                     {"spanId", 4, kSpanId},          {"traceId", 5, kTraceId},
                                     {"asInt", 6, kSfixed64, kOneOf}, Attributes(7, "filteredAttributes")};

// logs/v1
constexpr Field kLogsRequestFields[] = {List("resourceLogs", 1, M::kResourceLogs)};
constexpr Field kResourceLogsFields[] = {
    One("resource", 1, M::kResource), List("scopeLogs", 2, M::kScopeLogs), {"schemaUrl", 3, kText}};
constexpr Field kScopeLogsFields[] = {
    One("scope", 1, M::kScope), List("logRecords", 2, M::kLogRecord), {"schemaUrl", 3, kText}};
constexpr Field kLogRecordFields[] = {{"timeUnixNano", 1, kTime},
                                      {"severityNumber", 2, kEnum, kPlain, {}, kSeverityNames},
                                      {"severityText", 3, kText},
                                      One("body", 5, M::kAnyValue),
                                      Attributes(6),
                                      {"droppedAttributesCount", 7, kUint32},
                                      {"flags", 8, kFixed32},
                                      {"traceId", 9, kTraceId},
                                      {"spanId", 10, kSpanId},
                                      {"observedTimeUnixNano", 11, kTime},
                                      {"eventName", 12, kText}};

}  // namespace

std::span<const Field> FieldsOf(MessageType type) {
  switch (type) {
    case M::kTracesRequest: return kTracesRequestFields;
    case M::kMetricsRequest: return kMetricsRequestFields;
    case M::kLogsRequest: return kLogsRequestFields;
    case M::kResourceSpans: return kResourceSpansFields;
    case M::kScopeSpans: return kScopeSpansFields;
    case M::kSpan: return kSpanFields;
    case M::kEvent: return kEventFields;
    case M::kLink: return kLinkFields;
    case M::kStatus: return kStatusFields;
    case M::kResourceMetrics: return kResourceMetricsFields;
    case M::kScopeMetrics: return kScopeMetricsFields;
    case M::kMetric: return kMetricFields;
    case M::kGauge: return kGaugeFields;
    case M::kSum: return kSumFields;
    case M::kHistogram: return kHistogramFields;
    case M::kExponentialHistogram: return kExponentialHistogramFields;
    case M::kSummary: return kSummaryFields;
    case M::kNumberPoint: return kNumberPointFields;
    case M::kHistogramPoint: return kHistogramPointFields;
    case M::kExponentialHistogramPoint: return kExponentialHistogramPointFields;
    case M::kBuckets: return kBucketsFields;
    case M::kSummaryPoint: return kSummaryPointFields;
    case M::kQuantile: return kQuantileFields;
    case M::kExemplar: return kExemplarFields;
    case M::kResourceLogs: return kResourceLogsFields;
    case M::kScopeLogs: return kScopeLogsFields;
    case M::kLogRecord: return kLogRecordFields;
    case M::kResource: return kResourceFields;
    case M::kEntityRef: return kEntityRefFields;
    case M::kScope: return kScopeFields;
    case M::kKeyValue: return kKeyValueFields;
    case M::kAnyValue: return kAnyValueFields;
    case M::kArray: return kArrayFields;
    case M::kMap: return kMapFields;
  }
  return {};
}

}  // namespace beleg::wire::otlp
