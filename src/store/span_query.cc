#include "store/span_query.h"

#include "store/span_row.h"
#include "store/tables.h"

namespace beleg::store {
namespace {

// "WHERE …" of the filter; its texts become parameters.
std::string Where(const SpanFilter& filter, std::vector<duckdb::Parameter>& parameters) {
  std::string out = fmt::format("WHERE start_us BETWEEN {} AND {}", filter.start_us, filter.end_us);
  const auto equal = [&](const char* column, std::string_view text) {
    if (text.empty()) return;
    parameters.push_back(text);
    fmt::format_to(std::back_inserter(out), " AND {} = ${}", column, parameters.size());
  };
  equal("service", filter.service);
  equal("trace_id", filter.trace_id);
  equal("request_id", filter.request_id);
  return out;
}

Result<SpanRow> ReadRow(const duckdb::Rows& rows) {
  TRY_ASSIGN(wire::otlp::ScopeSpans scope, ReadSpan(rows.Bytes(0)));
  SpanRow out;
  TRY_ASSIGN(out.resource, ReadResource(rows.Bytes(1)));
  out.service = rows.Bytes(2);
  out.verified = rows.Bool(3);
  out.scope = std::move(scope.scope_name);
  out.span = std::move(scope.spans[0]);
  return out;
}

}  // namespace

Result<std::vector<SpanRow>> FindSpans(duckdb::Connection& connection, const SpanFilter& filter) {
  std::vector<duckdb::Parameter> parameters;
  const std::string where = Where(filter, parameters);
  // Newest of each table first, so that DuckDB reads the wide columns of those rows alone.
  const auto newest = [&](SpanTable table) {
    return fmt::format(
        "(SELECT start_us, trace_id, span_id, service, verified, resource_id, otlp FROM {} {} ORDER BY "
        "start_us DESC LIMIT {})",
        TableName(table), where, filter.limit);
  };
  const std::string sql = fmt::format(
      "SELECT otlp, resource, service, verified FROM ({} UNION ALL {}) JOIN resources USING (resource_id) "
      "ORDER BY start_us DESC, trace_id, span_id LIMIT {}",
      newest(SpanTable::kSpans), newest(SpanTable::kClaimed), filter.limit);
  TRY_ASSIGN(duckdb::Rows rows, connection.Query(sql, parameters));
  std::vector<SpanRow> out;
  while (rows.Next()) {
    TRY_ASSIGN(SpanRow row, ReadRow(rows));
    out.push_back(std::move(row));
  }
  return out;
}

Result<Store::RecordPlace> FindRecord(duckdb::Connection& connection, const RequestId& id,
                                      const std::vector<Store::RecordPlace>& candidates) {
  const std::string hex = id.Hex();
  for (const Store::RecordPlace& place : candidates) {
    TRY_ASSIGN(
        duckdb::Rows rows,
        connection.Query(
            "SELECT 1 FROM records WHERE origin = $1 AND leaf_index = $2 AND request_id = $3",
            {std::string_view(place.origin), static_cast<int64_t>(place.index), std::string_view(hex)}));
    if (rows.Next()) return place;
  }
  return Fail(ErrorCode::kNotFound, "no record of request {}", hex);
}

Result<std::vector<Store::RecordPlace>> RecentRecords(duckdb::Connection& connection, size_t limit) {
  const std::string sql = fmt::format(
      "SELECT origin, leaf_index FROM records WHERE request_id IS NOT NULL ORDER BY time_us DESC, leaf_index "
      "DESC LIMIT {}",
      limit);
  TRY_ASSIGN(duckdb::Rows rows, connection.Query(sql));
  std::vector<Store::RecordPlace> out;
  while (rows.Next()) out.push_back({std::string(rows.Bytes(0)), static_cast<uint64_t>(rows.Int64(1))});
  return out;
}

}  // namespace beleg::store
