// OTLP metrics (opentelemetry-proto 1.x): ExportMetricsServiceRequest as values, and a reader for who ends their way (store).
//
// Exemplars, metadata and schema URLs are skipped. Numbers become double. An exponential histogram's buckets are given as those of
// an ordinary one, with the upper limits that its scale means.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/otlp.h"
#include "wire/otlp_edit.h"

namespace beleg::wire::otlp {

constexpr size_t kDataPointsMax = 500'000;  // of one request
constexpr size_t kBucketsMax = 1'000;       // of one point

enum class MetricType : uint8_t { kGauge, kSum, kHistogram, kExponentialHistogram, kSummary };
enum class Temporality : uint8_t { kUnspecified, kDelta, kCumulative };

struct DataPoint {
  Attributes attributes;
  int64_t start_unix_ns = 0;  // since when it counts; 0: not said
  int64_t time_unix_ns = 0;   // 0: not said
  bool is_recorded = true;    // false: the series has ended, nothing below counts

  double value = 0;  // gauge, sum

  uint64_t count = 0;                   // the others
  std::optional<double> sum, min, max;  // where they are said
  // Histograms: counts has one element more than bounds (ascending, finite: upper limits), or both are empty. Summaries: bounds
  // are quantiles, and values has as many elements.
  std::vector<double> bounds;
  std::vector<uint64_t> counts;
  std::vector<double> values;
};

struct Metric {
  std::string name, description, unit;
  MetricType type = MetricType::kGauge;
  Temporality temporality = Temporality::kUnspecified;  // sums and histograms
  bool is_monotonic = false;                            // sums
  std::vector<DataPoint> points;
};

struct ScopeMetrics {
  std::string name, version;
  Attributes attributes;
  std::vector<Metric> metrics;
};
struct ResourceMetrics {
  Attributes resource;
  std::vector<ScopeMetrics> scopes;
};

// Reads a whole ExportMetricsServiceRequest. A point that is wrong in itself (a time beyond int64, buckets that do not fit their
// limits, more than kBucketsMax, attributes that are no UTF-8 or nested too deep), and all of a metric without name or kind, are
// left out: `rejected` says how many points, and of the first one why and where. kInvalidArgument names path and byte as
// DecodeTraces does: bytes that are no protobuf, what is wrong outside points, more than kDataPointsMax.
Result<std::vector<ResourceMetrics>> DecodeMetrics(std::string_view request, PartialSuccess& rejected);

}  // namespace beleg::wire::otlp
