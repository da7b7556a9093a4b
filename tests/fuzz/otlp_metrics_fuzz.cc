// What DecodeMetrics gives keeps its own promises: names, buckets that fit their limits, a limit on points.
#include <algorithm>

#include "fuzz.h"
#include "wire/otlp_metrics.h"

namespace otlp = beleg::wire::otlp;

namespace {

void CheckPoint(const otlp::Metric& metric, const otlp::DataPoint& point) {
  CHECK(point.time_unix_ns >= 0 && point.start_unix_ns >= 0, "times are within int64");
  CHECK(point.bounds.size() <= 2 * otlp::kBucketsMax + 4, "buckets are bounded");
  if (metric.type == otlp::MetricType::kSummary) {
    CHECK(point.values.size() == point.bounds.size(), "a value for each quantile");
    return;
  }
  CHECK(point.counts.empty() ? point.bounds.empty() : point.counts.size() == point.bounds.size() + 1,
        "one count more than bounds");
  CHECK(std::ranges::is_sorted(point.bounds), "bounds ascend");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  otlp::PartialSuccess rejected;
  auto resources = otlp::DecodeMetrics(beleg::fuzz::View(data, size), rejected);
  CHECK((rejected.rejected > 0) == !rejected.message.empty(), "a rejection has a reason");
  if (!resources) return 0;
  size_t points = 0;
  for (const auto& resource : *resources) {
    for (const auto& scope : resource.scopes) {
      for (const otlp::Metric& metric : scope.metrics) {
        CHECK(!metric.name.empty() || metric.points.empty(), "no points without a name");
        for (const otlp::DataPoint& point : metric.points) CheckPoint(metric, point);
        points += metric.points.size();
      }
    }
  }
  CHECK(points <= otlp::kDataPointsMax, "points are bounded");
  return 0;
}
