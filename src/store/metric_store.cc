#include "store/metric_store.h"

#include <optional>
#include <tuple>
#include <utility>

#include "store/metric_rows.h"
#include "wire/compress.h"

namespace beleg::store {
namespace {

namespace otlp = wire::otlp;

constexpr size_t kRequestBytesMax = 256 << 20;  // of one received request, unpacked
// Old points are dropped so many of points_max at a time, since each time the table is made anew.
constexpr size_t kDropPart = 8;

constexpr const char* kSchema = R"(
CREATE TABLE metric_series (
  series_id BIGINT NOT NULL, name VARCHAR NOT NULL, type VARCHAR NOT NULL, unit VARCHAR, description VARCHAR,
  temporality VARCHAR, monotonic BOOLEAN NOT NULL, service VARCHAR, scope VARCHAR,
  attributes VARCHAR NOT NULL, resource VARCHAR NOT NULL);
CREATE TABLE metric_points (
  series_id BIGINT NOT NULL, start_us BIGINT, time_us BIGINT NOT NULL, value DOUBLE,
  count BIGINT, sum DOUBLE, min DOUBLE, max DOUBLE, distribution VARCHAR);
CREATE VIEW metrics AS
  SELECT s.name, s.type, s.unit, s.temporality, s.monotonic, s.service, s.scope, p.* EXCLUDE (series_id),
         make_timestamp(p.time_us) AS time, s.attributes, s.resource
  FROM metric_points p JOIN metric_series s USING (series_id);
)";

// Empty text is NULL.
void Text(duckdb::Appender& out, std::string_view text) { text.empty() ? out.Null() : out.Text(text); }
void Double(duckdb::Appender& out, std::optional<double> value) { value ? out.Double(*value) : out.Null(); }

Result<void> AppendSeries(duckdb::Appender& out, const MetricSeriesRow& row) {
  out.Int(row.id).Text(row.name).Text(row.type);
  Text(out, row.unit);
  Text(out, row.description);
  Text(out, row.temporality);
  out.Bool(row.is_monotonic);
  Text(out, row.service);
  Text(out, row.scope);
  out.Text(row.attributes).Text(row.resource);
  return out.EndRow();
}

Result<void> AppendPoint(duckdb::Appender& out, const MetricSeriesRow& series, const otlp::DataPoint& point,
                         int64_t received_us) {
  out.Int(series.id);
  point.start_unix_ns == 0 ? out.Null() : out.Int(point.start_unix_ns / 1000);
  out.Int(point.time_unix_ns == 0 ? received_us : point.time_unix_ns / 1000);
  const bool is_number = series.type == "gauge" || series.type == "sum";
  const bool is_other = point.is_recorded && !is_number;
  Double(out, point.is_recorded && is_number ? std::optional(point.value) : std::nullopt);
  is_other ? out.Int(static_cast<int64_t>(point.count)) : out.Null();
  Double(out, is_other ? point.sum : std::nullopt);
  Double(out, is_other ? point.min : std::nullopt);
  Double(out, is_other ? point.max : std::nullopt);
  Text(out, is_other ? DistributionText(point) : "");
  return out.EndRow();
}

const SystemClock kSystemClock;

}  // namespace

Result<std::unique_ptr<MetricStore>> MetricStore::Open(duckdb::Database& database,
                                                       MetricStoreOptions options) {
  if (options.clock == nullptr) options.clock = &kSystemClock;
  TRY_ASSIGN(duckdb::Connection connection, database.Connect());
  TRY(connection.Execute(kSchema));
  std::unique_ptr<MetricStore> store(new MetricStore(std::move(connection), options));
  TRY_ASSIGN(store->log_, IngestLog::Open(std::move(options.log),
                                          [&](const Frame& frame) { return store->ReplayFrame(frame); }));
  return store;
}

Result<Taken> MetricStore::Ingest(std::string_view request) {
  Taken taken;
  TRY_ASSIGN(auto resources, otlp::DecodeMetrics(request, taken.rejected));
  if (resources.empty()) return taken;
  TRY(CheckCopies(resources));
  const int64_t received_us = clock_.UnixMicros();
  TRY(log_->Append({FrameKind::kMetrics, received_us, wire::ZstdCompress(request)}));
  MutexLock lock(mutex_);
  TRY(Add(FingerprintOf(request), resources, received_us, taken));
  return taken;
}

Result<void> MetricStore::ReplayFrame(const Frame& frame) {
  if (frame.kind != FrameKind::kMetrics)
    return Fail(ErrorCode::kUnimplemented, "frame of kind {}", static_cast<int>(frame.kind));
  TRY_ASSIGN(std::string request, wire::ZstdDecompress(frame.payload, kRequestBytesMax));
  Taken taken;
  TRY_ASSIGN(auto resources, otlp::DecodeMetrics(request, taken.rejected));
  MutexLock lock(mutex_);
  return Add(FingerprintOf(request), resources, frame.received_us, taken);
}

Result<void> MetricStore::Add(const Fingerprint& request, const std::vector<otlp::ResourceMetrics>& resources,
                              int64_t received_us, Taken& taken) {
  if (seen_.Contains(request)) return {};
  TRY(connection_.Execute("BEGIN TRANSACTION"));
  auto added = AddRows(resources, received_us, taken);
  if (added) added = connection_.Execute("COMMIT");
  if (!added) {
    std::ignore = connection_.Execute("ROLLBACK");  // fails when DuckDB has rolled back already
    return added;
  }
  seen_.Add(request);
  points_ += taken.count;
  return points_ <= points_max_ + points_max_ / kDropPart ? Result<void>() : DropOldPoints();
}

Result<void> MetricStore::AddRows(const std::vector<otlp::ResourceMetrics>& resources, int64_t received_us,
                                  Taken& taken) {
  TRY_ASSIGN(auto series_rows, duckdb::Appender::Open(connection_, "metric_series"));
  TRY_ASSIGN(auto point_rows, duckdb::Appender::Open(connection_, "metric_points"));
  std::unordered_set<int64_t> added;
  const auto add = [&](const MetricSeriesRow& series, const otlp::DataPoint& point) -> Result<void> {
    if (!series_.contains(series.id) && !added.contains(series.id)) {
      if (series_.size() + added.size() >= series_max_) {
        ++taken.rejected.rejected;
        taken.rejected.message = fmt::format("{}: more than {} series", series.name, series_max_);
        return {};
      }
      added.insert(series.id);
      TRY(AppendSeries(*series_rows, series));
    }
    ++taken.count;
    return AppendPoint(*point_rows, series, point, received_us);
  };
  TRY(ForEachPoint(resources, add));
  TRY(series_rows->Flush());
  TRY(point_rows->Flush());
  series_.merge(added);
  return {};
}

// A DuckDB table gives back the memory of its rows only when it is made anew. Its rows stand in the order of their arrival.
Result<void> MetricStore::DropOldPoints() {
  TRY(
      connection_.Execute(fmt::format("CREATE OR REPLACE TABLE metric_points AS FROM metric_points OFFSET {};"
                                      "CREATE OR REPLACE TABLE metric_series AS FROM metric_series "
                                      "WHERE series_id IN (SELECT series_id FROM metric_points)",
                                      points_ - points_max_)));
  points_ = points_max_;
  return ReadSeries();
}

Result<void> MetricStore::ReadSeries() {
  TRY_ASSIGN(duckdb::Rows rows, connection_.Query("SELECT series_id FROM metric_series"));
  series_.clear();
  while (rows.Next()) series_.insert(rows.Int64(0));
  return {};
}

}  // namespace beleg::store
