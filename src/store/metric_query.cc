#include "store/metric_query.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

namespace beleg::store {
namespace {

using duckdb::Rows;

// The series of the filter, by id, without points.
Result<std::unordered_map<int64_t, MetricSeries>> FindSeries(duckdb::Connection& connection,
                                                             const MetricFilter& filter) {
  TRY_ASSIGN(Rows rows,
             connection.Query("SELECT series_id, name, type, unit, description, temporality, monotonic, "
                              "service, scope, attributes, resource FROM metric_series "
                              "WHERE name = $1 AND ($2 = '' OR service = $2)",
                              {std::string_view(filter.name), std::string_view(filter.service)}));
  std::unordered_map<int64_t, MetricSeries> out;
  while (rows.Next()) {
    MetricSeries& series = out[rows.Int64(0)];
    idx_t column = 1;
    for (std::string* text :
         {&series.name, &series.type, &series.unit, &series.description, &series.temporality}) {
      *text = rows.Bytes(column++);
    }
    series.is_monotonic = rows.Bool(column++);
    for (std::string* text : {&series.service, &series.scope, &series.attributes, &series.resource}) {
      *text = rows.Bytes(column++);
    }
  }
  return out;
}

std::string PointsSql(const MetricFilter& filter) {
  const std::string last_of_step =
      filter.step_us == 0 ? ""
                          : fmt::format(
                                "QUALIFY row_number() OVER (PARTITION BY series_id, time_us // {} "
                                "ORDER BY time_us DESC) = 1",
                                filter.step_us);
  return fmt::format(
      "SELECT series_id, time_us, start_us, value, count, sum, min, max, distribution FROM metric_points "
      "WHERE series_id IN (SELECT series_id FROM metric_series WHERE name = $1 AND ($2 = '' OR service = "
      "$2)) "
      "AND time_us BETWEEN {} AND {} {} ORDER BY time_us DESC, series_id LIMIT {}",
      filter.start_us, filter.end_us, last_of_step, filter.limit + 1);
}

std::optional<int64_t> MaybeInt(const Rows& rows, idx_t column) {
  return rows.IsNull(column) ? std::nullopt : std::optional(rows.Int64(column));
}

std::optional<double> MaybeDouble(const Rows& rows, idx_t column) {
  return rows.IsNull(column) ? std::nullopt : std::optional(rows.Double(column));
}

MetricPoint ReadPoint(const Rows& rows) {
  MetricPoint out;
  out.time_us = rows.Int64(1);
  out.start_us = MaybeInt(rows, 2);
  out.value = MaybeDouble(rows, 3);
  out.count = MaybeInt(rows, 4);
  out.sum = MaybeDouble(rows, 5);
  out.min = MaybeDouble(rows, 6);
  out.max = MaybeDouble(rows, 7);
  out.distribution = rows.Bytes(8);
  return out;
}

}  // namespace

Result<MetricAnswer> FindMetrics(duckdb::Connection& connection, const MetricFilter& filter) {
  TRY_ASSIGN(Rows rows, connection.Query(PointsSql(filter),
                                         {std::string_view(filter.name), std::string_view(filter.service)}));
  // After the points, so that only a series whose last point went meanwhile can be missing.
  TRY_ASSIGN(auto series, FindSeries(connection, filter));
  MetricAnswer out;
  for (size_t i = 0; rows.Next(); ++i) {
    out.truncated = i == filter.limit;
    if (out.truncated) break;
    if (auto of = series.find(rows.Int64(0)); of != series.end())
      of->second.points.push_back(ReadPoint(rows));
  }
  for (auto& [id, one] : series) {
    if (one.points.empty()) continue;
    std::ranges::reverse(one.points);
    out.series.push_back(std::move(one));
  }
  std::ranges::sort(out.series, {}, [](const MetricSeries& one) {
    return std::tie(one.attributes, one.resource, one.type, one.unit, one.scope, one.temporality);
  });
  return out;
}

Result<std::vector<MetricName>> MetricNames(duckdb::Connection& connection) {
  TRY_ASSIGN(Rows rows, connection.Query(
                            "SELECT name, type, unit, any_value(description), count(*), max(last_us) "
                            "FROM metric_series JOIN (SELECT series_id, max(time_us) AS last_us FROM "
                            "metric_points GROUP BY 1) USING (series_id) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"));
  std::vector<MetricName> out;
  while (rows.Next()) {
    MetricName& name = out.emplace_back();
    name.name = rows.Bytes(0);
    name.type = rows.Bytes(1);
    name.unit = rows.Bytes(2);
    name.description = rows.Bytes(3);
    name.series = rows.Int64(4);
    name.last_us = rows.Int64(5);
  }
  return out;
}

}  // namespace beleg::store
