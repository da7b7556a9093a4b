#include "store/metric_rows.h"

#include <algorithm>

#include "base/bytes.h"
#include "store/fingerprint.h"
#include "store/span_row.h"
#include "wire/otlp_json.h"

namespace beleg::store {
namespace {

namespace otlp = wire::otlp;
using wire::Json;

// Sorted, so that the same attributes in another order are the same series.
std::string SortedJson(otlp::Attributes attributes) {
  std::ranges::stable_sort(attributes, {}, &otlp::KeyValue::key);
  return otlp::AttributesToPlainJson(attributes).Dump();
}

std::string_view Name(otlp::MetricType type) {
  switch (type) {
    case otlp::MetricType::kGauge: return "gauge";
    case otlp::MetricType::kSum: return "sum";
    case otlp::MetricType::kHistogram: return "histogram";
    case otlp::MetricType::kExponentialHistogram: return "exponential_histogram";
    case otlp::MetricType::kSummary: return "summary";
  }
  return "";
}

std::string_view Name(otlp::Temporality temporality) {
  switch (temporality) {
    case otlp::Temporality::kUnspecified: return "";
    case otlp::Temporality::kDelta: return "DELTA";
    case otlp::Temporality::kCumulative: return "CUMULATIVE";
  }
  return "";
}

// 64 bits of a hash: among 100,000 series two alike by chance once in three thousand million stores.
int64_t IdOf(const MetricSeriesRow& row) {
  const Fingerprint all = FingerprintOf(
      Json::MakeArray({row.name, row.unit, row.type, row.temporality, row.is_monotonic, row.scope}).Dump(),
      row.attributes + row.resource);
  return static_cast<int64_t>(GetLittle64(reinterpret_cast<const char*>(all.data())));
}

}  // namespace

Result<void> ForEachPoint(
    const std::vector<otlp::ResourceMetrics>& resources,
    const std::function<Result<void>(const MetricSeriesRow&, const otlp::DataPoint&)>& add) {
  MetricSeriesRow row;
  for (const otlp::ResourceMetrics& resource : resources) {
    row.resource = SortedJson(resource.resource);
    row.service = PrepareResource(resource.resource).service;
    for (const otlp::ScopeMetrics& scope : resource.scopes) {
      row.scope = scope.name;
      for (const otlp::Metric& metric : scope.metrics) {
        row.name = metric.name;
        row.description = metric.description;
        row.unit = metric.unit;
        row.type = Name(metric.type);
        row.temporality = Name(metric.temporality);
        row.is_monotonic = metric.is_monotonic;
        for (const otlp::DataPoint& point : metric.points) {
          row.attributes = SortedJson(point.attributes);
          row.id = IdOf(row);
          TRY(add(row, point));
        }
      }
    }
  }
  return {};
}

Result<void> CheckCopies(const std::vector<otlp::ResourceMetrics>& resources) {
  size_t bytes = 0;
  for (const otlp::ResourceMetrics& resource : resources) {
    const size_t resource_bytes = SortedJson(resource.resource).size();
    for (const otlp::ScopeMetrics& scope : resource.scopes)
      for (const otlp::Metric& metric : scope.metrics)
        bytes += metric.points.size() * (resource_bytes + scope.name.size() + metric.name.size() +
                                         metric.description.size() + metric.unit.size());
  }
  if (bytes <= kCopiesBytesMax) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "{} bytes of copies of resources, scopes and metrics' texts in the series of the points, at most {}: "
      "send fewer points in a request",
      bytes, kCopiesBytesMax);
}

std::string DistributionText(const otlp::DataPoint& point) {
  Json::Array limits, contents;
  for (double bound : point.bounds) limits.emplace_back(bound);
  for (uint64_t count : point.counts)
    contents.emplace_back(static_cast<int64_t>(std::min<uint64_t>(count, INT64_MAX)));
  for (double value : point.values) contents.emplace_back(value);
  if (contents.empty()) return "";
  const bool is_summary = !point.values.empty();
  return Json::MakeObject({{is_summary ? "quantiles" : "bounds", std::move(limits)},
                           {is_summary ? "values" : "counts", std::move(contents)}})
      .Dump();
}

}  // namespace beleg::store
