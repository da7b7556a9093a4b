// What the store gives of metrics: points by series. Points are as they were sent; cumulative sums stay cumulative.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace beleg::store {

struct MetricFilter {
  std::string name{};
  std::string service{};                     // "": any
  int64_t start_us = 0, end_us = INT64_MAX;  // point within [start, end]
  int64_t step_us = 0;                       // of each series the last point of each step; 0: all
  size_t limit = 10'000;                     // points of all series together, the newest
};

struct MetricPoint {
  int64_t time_us = 0;
  std::optional<int64_t> start_us;      // since when it counts
  std::optional<double> value;          // gauge, sum; nothing is said here: the series ended
  std::optional<int64_t> count;         // the others
  std::optional<double> sum, min, max;  //
  std::string distribution;  // JSON: {"bounds":[…],"counts":[…]} or {"quantiles":[…],"values":[…]}; "": none
};

struct MetricSeries {
  std::string name, type, unit, description;
  std::string temporality;  // "CUMULATIVE", "DELTA", "": not said
  bool is_monotonic = false;
  std::string service, scope;
  std::string attributes, resource;  // JSON objects, members sorted
  std::vector<MetricPoint> points;   // by time
};

struct MetricAnswer {
  std::vector<MetricSeries> series;  // by attributes and resource; those that have points
  bool truncated = false;            // limit left older points out
};

struct MetricName {
  std::string name, type, unit, description;
  int64_t series = 0;
  int64_t last_us = 0;  // of the newest point
};

}  // namespace beleg::store
