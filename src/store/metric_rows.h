// Received metrics made ready to be rows of metric_series and metric_points.
//
// Source: docs/formats/store.md, "Columns".
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/otlp_metrics.h"

namespace beleg::store {

// What all points of a series have in common. `id` follows from all of it but the description.
struct MetricSeriesRow {
  int64_t id = 0;
  std::string name, description, unit;
  std::string_view type, temporality;
  bool is_monotonic = false;
  std::string service, scope;
  std::string attributes, resource;  // JSON, members sorted
};

// Calls `add` for every point in order; stops at its first error. Cost: about 2 µs a point.
Result<void> ForEachPoint(
    const std::vector<wire::otlp::ResourceMetrics>& resources,
    const std::function<Result<void>(const MetricSeriesRow&, const wire::otlp::DataPoint&)>& add);

// kInvalidArgument when the points' copies of what they have in common (resource, scope, the metric's texts) would be more than 64 MB:
// each point is hashed with them, so a small request could cost hours. For what comes from outside, before it is logged.
Result<void> CheckCopies(const std::vector<wire::otlp::ResourceMetrics>& resources);

// {"bounds":[…],"counts":[…]} or {"quantiles":[…],"values":[…]}; "" when the point has neither.
std::string DistributionText(const wire::otlp::DataPoint& point);

}  // namespace beleg::store
