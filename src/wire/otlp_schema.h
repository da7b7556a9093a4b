// The messages of OTLP (opentelemetry-proto 1.x: traces, metrics and logs with what they are made of) as tables, for what
// treats every field alike. Inside of wire/ only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace beleg::wire::otlp {

enum class MessageType {
  kTracesRequest,
  kMetricsRequest,
  kLogsRequest,
  kResourceSpans,
  kScopeSpans,
  kSpan,
  kEvent,
  kLink,
  kStatus,
  kResourceMetrics,
  kScopeMetrics,
  kMetric,
  kGauge,
  kSum,
  kHistogram,
  kExponentialHistogram,
  kSummary,
  kNumberPoint,
  kHistogramPoint,
  kExponentialHistogramPoint,
  kBuckets,
  kSummaryPoint,
  kQuantile,
  kExemplar,
  kResourceLogs,
  kScopeLogs,
  kLogRecord,
  kResource,
  kEntityRef,
  kScope,
  kKeyValue,
  kAnyValue,
  kArray,
  kMap,
};

enum class FieldKind {
  kMessage,
  kText,
  kBytes,
  kTraceId,     // bytes, which JSON has in hex; may be empty
  kSpanId,      // likewise
  kOwnTraceId,  // of a span: there, and not zero
  kOwnSpanId,
  kBool,
  kEnum,
  kInt64,     // varint
  kUint64,    // varint
  kUint32,    // varint
  kSint32,    // zigzag
  kFixed32,   //
  kFixed64,   //
  kSfixed64,  //
  kTime,      // fixed64, nanoseconds since 1970, at most INT64_MAX
  kDouble,
};

enum class FieldRule {
  kPlain,     // absent and its default are the same
  kPresent,   // `optional`: its default is written, too
  kOneOf,     // kPresent, and the message has at most one of these
  kRepeated,  // numbers packed
};

struct Field {
  std::string_view name;  // JSON's: "startTimeUnixNano"
  uint32_t number;
  FieldKind kind;
  FieldRule rule = FieldRule::kPlain;
  MessageType message = {};                           // of kMessage
  std::span<const std::string_view> enum_names = {};  // of kEnum, from 0
};

// In the order of their numbers.
std::span<const Field> FieldsOf(MessageType type);

}  // namespace beleg::wire::otlp
