// Store: spans, mirrored records and metrics, durable when acknowledged, queryable at once.
//
// Shape:   foreign spans come as OTLP bytes and go through an own log (zstd frames, CRC, group fdatasync) before Ingest returns; own
//          requests come with the mirrored ledger and are spans by record::SpansOf. Both are rows of one span table in DuckDB.
//          An OTLP copy of an own span (same audit.log.origin and audit.log.index) adds its resource to the row, no second row;
//          one that differs from its record, or names a leaf of an unknown log, is kept and marked unverified.
//          Metrics have a log and tables of their own, and go with age (metric_store.h).
// Order:   Ingest… returns after fdatasync and after the rows are visible to queries.
// Errors:  kInvalidArgument (bytes, naming path and offset) · kResourceExhausted (queue or disk full: retry) · kUnavailable (closed).
// Threads: any. Queries run on the caller's thread on a connection of their own.
// Source:  docs/formats/store.md.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "io/file.h"
#include "store/disk_trust.h"
#include "store/metrics.h"
#include "store/taken.h"
#include "wire/json.h"
#include "wire/otlp.h"

namespace beleg::store {

struct StoreOptions {
  std::string dir;
  uint64_t duckdb_memory_bytes = 256 << 20;
  std::chrono::microseconds group_window{500};
  size_t queue_bytes_max = 64 << 20;
  uint64_t free_bytes_min = 64 << 20;
  uint64_t metric_log_bytes_max = 32 << 20;
  size_t metric_points_max = 500'000;
  DiskFailure on_fatal{};
  io::FileSystem* fs = nullptr;
  const Clock* clock = nullptr;
  MetricRegistry* metrics = nullptr;
};

struct SpanRow {
  std::string service;
  wire::otlp::Attributes resource;
  std::string scope;
  wire::otlp::Span span;
  bool verified = false;  // derived from a mirrored record, or equal to it
};

struct SpanFilter {
  std::string service{};                     // "": any
  int64_t start_us = 0, end_us = INT64_MAX;  // span start within [start, end]
  std::string trace_id{};                    // hex; "": any
  std::string request_id{};                  // 32 hex; "": any
  size_t limit = 100;
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(StoreOptions options);
  virtual ~Store() = default;

  // An ExportTraceServiceRequest, an ExportMetricsServiceRequest.
  virtual Result<Taken> IngestTraces(std::string_view otlp_request) = 0;
  virtual Result<Taken> IngestMetrics(std::string_view otlp_request) = 0;

  // Own records, called by the mirror after its copy is durable; leaves are dense from the log's last call on. Idempotent.
  struct MirroredLeaf {
    uint64_t index = 0;
    std::string bytes;
  };
  virtual Result<void> AddRecords(const std::string& origin, const std::vector<MirroredLeaf>& leaves) = 0;
  // Next leaf index that AddRecords wants of this log.
  virtual uint64_t NextLeaf(const std::string& origin) const = 0;

  // Newest first.
  virtual Result<std::vector<SpanRow>> FindSpans(const SpanFilter& filter) = 0;

  struct RecordPlace {
    std::string origin;
    uint64_t index = 0;
  };
  // kNotFound.
  virtual Result<RecordPlace> FindRecord(const RequestId& id) = 0;
  // Newest first: places of request, refused and lost records.
  virtual Result<std::vector<RecordPlace>> RecentRecords(size_t limit) = 0;

  virtual Result<MetricAnswer> FindMetrics(const MetricFilter& filter) = 0;
  virtual Result<std::vector<MetricName>> MetricNames() = 0;

  // Read-only SQL over the tables `spans`, `records` and `metrics`: columns and rows as JSON. kInvalidArgument with DuckDB's own words.
  virtual Result<wire::Json> Sql(std::string_view query, size_t rows_max) = 0;

  virtual Result<void> Health() const = 0;
  virtual void Close() = 0;
};

}  // namespace beleg::store
