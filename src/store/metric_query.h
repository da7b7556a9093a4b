// Reading the metric tables. Each call on a connection of its own.
#pragma once

#include <vector>

#include "store/engines/duckdb/duckdb.h"
#include "store/metrics.h"

namespace beleg::store {

Result<MetricAnswer> FindMetrics(duckdb::Connection& connection, const MetricFilter& filter);
// By name, type and unit.
Result<std::vector<MetricName>> MetricNames(duckdb::Connection& connection);

}  // namespace beleg::store
