#include "store/store.h"

#include <utility>

#include "base/log.h"
#include "io/durable.h"
#include "store/engines/duckdb/read_only_sql.h"
#include "store/ingest_log.h"
#include "store/metric_query.h"
#include "store/metric_store.h"
#include "store/span_query.h"
#include "store/writer.h"
#include "wire/compress.h"

namespace beleg::store {
namespace {

constexpr size_t kRequestBytesMax = 256 << 20;  // of one received request, unpacked
constexpr uint64_t kMetricSegments = 8;         // of so many parts the metric log's oldest goes

class StoreImpl final : public Store {
 public:
  StoreImpl(const StoreOptions& options, std::unique_ptr<io::FolderLock> lock,
            std::unique_ptr<duckdb::Database> database, std::unique_ptr<Writer> writer,
            std::unique_ptr<IngestLog> log, std::unique_ptr<MetricStore> metrics)
      : clock_(*options.clock),
        lock_(std::move(lock)),
        database_(std::move(database)),
        writer_(std::move(writer)),
        log_(std::move(log)),
        metrics_(std::move(metrics)),
        spans_(options.metrics == nullptr
                   ? nullptr
                   : &options.metrics->AddCounter("beleg_store_spans_received_total",
                                                  "Spans received by OTLP and acknowledged.")),
        points_(options.metrics == nullptr
                    ? nullptr
                    : &options.metrics->AddCounter("beleg_store_metric_points_received_total",
                                                   "Metric points received by OTLP and acknowledged.")),
        records_(options.metrics == nullptr
                     ? nullptr
                     : &options.metrics->AddCounter("beleg_store_records_total",
                                                    "Leaves taken from mirrored logs.")) {}

  Result<Taken> IngestTraces(std::string_view otlp_request) override {
    Taken taken;
    TRY_ASSIGN(const PreparedBatch batch, Prepare(otlp_request, taken.rejected));
    taken.count = batch.spans.size();
    if (batch.spans.empty()) return taken;
    TRY(CheckCopies(batch));
    TRY(log_->Append({FrameKind::kTraces, clock_.UnixMicros(), wire::ZstdCompress(otlp_request)}));
    TRY(writer_->AddReceived(batch));
    if (spans_ != nullptr) spans_->Add(static_cast<double>(taken.count));
    return taken;
  }
  Result<Taken> IngestMetrics(std::string_view otlp_request) override {
    TRY_ASSIGN(Taken taken, metrics_->Ingest(otlp_request));
    if (points_ != nullptr) points_->Add(static_cast<double>(taken.count));
    return taken;
  }

  Result<void> AddRecords(const std::string& origin, const std::vector<MirroredLeaf>& leaves) override {
    TRY(writer_->AddLeaves(origin, leaves));
    if (records_ != nullptr) records_->Add(static_cast<double>(leaves.size()));
    return {};
  }
  uint64_t NextLeaf(const std::string& origin) const override { return writer_->NextLeaf(origin); }

  Result<std::vector<SpanRow>> FindSpans(const SpanFilter& filter) override {
    TRY_ASSIGN(duckdb::Connection connection, database_->Connect());
    return store::FindSpans(connection, filter);
  }
  Result<RecordPlace> FindRecord(const RequestId& id) override {
    TRY_ASSIGN(duckdb::Connection connection, database_->Connect());
    return store::FindRecord(connection, id, writer_->MayRecord(id));
  }
  Result<std::vector<RecordPlace>> RecentRecords(size_t limit) override {
    TRY_ASSIGN(duckdb::Connection connection, database_->Connect());
    return store::RecentRecords(connection, limit);
  }
  Result<MetricAnswer> FindMetrics(const MetricFilter& filter) override {
    TRY_ASSIGN(duckdb::Connection connection, database_->Connect());
    return store::FindMetrics(connection, filter);
  }
  Result<std::vector<MetricName>> MetricNames() override {
    TRY_ASSIGN(duckdb::Connection connection, database_->Connect());
    return store::MetricNames(connection);
  }
  Result<wire::Json> Sql(std::string_view query, size_t rows_max) override {
    TRY_ASSIGN(duckdb::Connection connection, database_->Connect());
    return duckdb::RunReadOnly(connection, query, {.rows_max = rows_max});
  }

  Result<void> Health() const override { return log_->Health(); }
  void Close() override {
    log_->Close();
    metrics_->Close();
  }

 private:
  const Clock& clock_;
  const std::unique_ptr<io::FolderLock> lock_;
  const std::unique_ptr<duckdb::Database> database_;
  const std::unique_ptr<Writer> writer_;
  const std::unique_ptr<IngestLog> log_;
  const std::unique_ptr<MetricStore> metrics_;
  Counter* const spans_;
  Counter* const points_;
  Counter* const records_;
};

// What a crash left of an earlier database's memory.
Result<void> ClearScratch(io::FileSystem& fs, const std::string& dir) {
  TRY_ASSIGN(bool exists, fs.Exists(dir));
  if (!exists) return {};
  TRY_ASSIGN(auto names, fs.List(dir));
  for (const std::string& name : names) TRY(fs.Remove(dir + "/" + name));
  return {};
}

Result<void> ReplayFrame(Writer& writer, const Frame& frame) {
  if (frame.kind != FrameKind::kTraces)
    return Fail(ErrorCode::kUnimplemented, "frame of kind {}", static_cast<int>(frame.kind));
  TRY_ASSIGN(std::string request, wire::ZstdDecompress(frame.payload, kRequestBytesMax));
  wire::otlp::PartialSuccess rejected;  // told to the sender then
  TRY_ASSIGN(const PreparedBatch batch, Prepare(request, rejected));
  return writer.AddReceived(batch);
}

IngestLogOptions LogOptions(const StoreOptions& options, const std::string& name) {
  IngestLogOptions out;
  out.fs = options.fs;
  out.dir = options.dir + "/" + name;
  out.group_window = options.group_window;
  out.queue_bytes_max = options.queue_bytes_max;
  out.free_bytes_min = options.free_bytes_min;
  out.on_fatal = options.on_fatal;
  out.metrics = options.metrics;
  return out;
}

Result<std::unique_ptr<MetricStore>> OpenMetrics(duckdb::Database& database, const StoreOptions& options) {
  MetricStoreOptions out;
  out.log = LogOptions(options, "metrics");
  out.log.bytes_max = options.metric_log_bytes_max;
  out.log.segment_bytes = options.metric_log_bytes_max / kMetricSegments;
  out.points_max = options.metric_points_max;
  out.clock = options.clock;
  return MetricStore::Open(database, std::move(out));
}

const SystemClock kSystemClock;

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(StoreOptions options) {
  if (options.fs == nullptr) options.fs = &io::PosixFileSystem();
  if (options.clock == nullptr) options.clock = &kSystemClock;
  io::FileSystem& fs = *options.fs;
  TRY(io::MakeFoldersDurably(fs, options.dir, 0700));
  TRY_ASSIGN(auto lock, fs.Lock(options.dir));
  const std::string scratch = options.dir + "/scratch";
  TRY(ClearScratch(fs, scratch));
  TRY_ASSIGN(auto database,
             duckdb::Database::Open({.memory_bytes = options.duckdb_memory_bytes, .scratch_dir = scratch}));
  TRY_ASSIGN(auto tables, Tables::Create(*database));
  auto writer = std::make_unique<Writer>(std::move(tables));
  TRY_ASSIGN(auto log, IngestLog::Open(LogOptions(options, "ingest"),
                                       [&](const Frame& frame) { return ReplayFrame(*writer, frame); }));
  TRY_ASSIGN(auto metrics, OpenMetrics(*database, options));
  return std::make_unique<StoreImpl>(options, std::move(lock), std::move(database), std::move(writer),
                                     std::move(log), std::move(metrics));
}

}  // namespace beleg::store
