// MetricStore: metric points, durable when acknowledged, queryable at once; the newest of them.
//
// Shape:   OTLP metrics go through a log of their own (DATA/metrics, ingest_log.h), then into the tables metric_series and
//          metric_points; SQL users read the view `metrics`. Both are bounded: the log in bytes (its oldest segment goes), the table in
//          points (those received first go).
// Order:   Ingest returns after fdatasync and after the rows are visible.
// Once:    a request that was received before with the same bytes makes no second rows; the last kSeenRequests are always known.
// Errors:  kInvalidArgument (bytes, naming path and offset) · kResourceExhausted (queue, disk or memory full: retry) ·
//          kUnavailable (closed).
// Threads: any.
// Source:  docs/formats/store.md.
#pragma once

#include <memory>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "store/engines/duckdb/duckdb.h"
#include "store/ingest_log.h"
#include "store/metrics.h"
#include "store/seen_lately.h"
#include "store/taken.h"
#include "wire/otlp_metrics.h"

namespace beleg::store {

struct MetricStoreOptions {
  IngestLogOptions log{};
  size_t points_max = 500'000;  // about 190 bytes of memory each where one in five is a histogram
  size_t series_max = 100'000;  // points of further ones are rejected
  const Clock* clock = nullptr;
};

class MetricStore {
 public:
  // Makes the tables and reads the log again.
  static Result<std::unique_ptr<MetricStore>> Open(duckdb::Database& database, MetricStoreOptions options);

  // An ExportMetricsServiceRequest.
  Result<Taken> Ingest(std::string_view otlp_request);

  Result<void> Health() const { return log_->Health(); }
  void Close() { log_->Close(); }

 private:
  static constexpr size_t kSeenRequests = 64 << 10;

  MetricStore(duckdb::Connection connection, const MetricStoreOptions& options)
      : clock_(*options.clock),
        points_max_(options.points_max),
        series_max_(options.series_max),
        connection_(std::move(connection)) {}

  Result<void> ReplayFrame(const Frame& frame);
  Result<void> Add(const Fingerprint& request, const std::vector<wire::otlp::ResourceMetrics>& resources,
                   int64_t received_us, Taken& taken) REQUIRES(mutex_);
  Result<void> AddRows(const std::vector<wire::otlp::ResourceMetrics>& resources, int64_t received_us,
                       Taken& taken) REQUIRES(mutex_);
  Result<void> DropOldPoints() REQUIRES(mutex_);
  Result<void> ReadSeries() REQUIRES(mutex_);

  const Clock& clock_;
  const size_t points_max_, series_max_;
  Mutex mutex_;
  duckdb::Connection connection_ GUARDED_BY(mutex_);
  SeenLately seen_ GUARDED_BY(mutex_){kSeenRequests};
  std::unordered_set<int64_t> series_ GUARDED_BY(mutex_);  // ids that have a row
  size_t points_ GUARDED_BY(mutex_) = 0;                   // rows of metric_points
  std::unique_ptr<IngestLog> log_;
};

}  // namespace beleg::store
