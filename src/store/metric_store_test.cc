#include "store/metric_store.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "store/testing.h"

namespace beleg::store {
namespace {

using testing::ScrapeRequest;

constexpr int64_t kStart_us = 1'700'000'000'000'000;
constexpr std::string_view kScrape =
    "# HELP vllm:requests_total Requests.\n# TYPE vllm:requests_total counter\n"
    "vllm:requests_total{model=\"a\"} 3\nvllm:requests_total{model=\"b\"} 4\n"
    "# TYPE vllm:running gauge\nvllm:running 2.5\n"
    "# TYPE vllm:ttft histogram\nvllm:ttft_bucket{le=\"0.1\"} 1\nvllm:ttft_bucket{le=\"0.5\"} 2\n"
    "vllm:ttft_bucket{le=\"+Inf\"} 3\nvllm:ttft_sum 1.5\nvllm:ttft_count 3\n"
    "# TYPE vllm:latency summary\nvllm:latency{quantile=\"0.5\"} 7\nvllm:latency_sum 9\nvllm:latency_count "
    "2\n";

class MetricStoreTest : public ::testing::Test {
 protected:
  // A scrape of kScrape, `second` seconds after the start.
  Taken Ingest(int64_t second, std::string_view text = kScrape,
               wire::otlp::Attributes resource = {{"service.name", "vllm"}}) {
    auto taken = store_->IngestMetrics(
        ScrapeRequest(text, (kStart_us + second * 1'000'000) * 1000, std::move(resource)));
    EXPECT_TRUE(taken) << taken.error().message;
    return taken ? *taken : Taken{};
  }
  MetricAnswer Find(MetricFilter filter) {
    auto found = store_->FindMetrics(filter);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *std::move(found) : MetricAnswer{};
  }
  // One gauge's points of the whole time.
  std::vector<MetricPoint> Running(MetricFilter filter = {}) {
    filter.name = "vllm:running";
    MetricAnswer answer = Find(filter);
    return answer.series.empty() ? std::vector<MetricPoint>{} : answer.series[0].points;
  }

  testing::TestStore store_;
};

TEST_F(MetricStoreTest, PointsComeBackBySeries) {
  EXPECT_EQ(Ingest(1).count, 5u);
  Ingest(2);
  MetricAnswer answer = Find({.name = "vllm:requests_total"});
  ASSERT_EQ(answer.series.size(), 2u);
  EXPECT_FALSE(answer.truncated);
  const MetricSeries& a = answer.series[0];
  EXPECT_EQ(a.attributes, R"({"model":"a"})");
  EXPECT_EQ(a.resource, R"({"service.name":"vllm"})");
  EXPECT_EQ(a.type, "sum");
  EXPECT_EQ(a.temporality, "CUMULATIVE");
  EXPECT_TRUE(a.is_monotonic);
  EXPECT_EQ(a.description, "Requests.");
  EXPECT_EQ(a.service, "vllm");
  ASSERT_EQ(a.points.size(), 2u);
  EXPECT_EQ(a.points[0].time_us, kStart_us + 1'000'000);
  EXPECT_EQ(a.points[0].start_us, kStart_us);
  EXPECT_EQ(a.points[0].value, 3);
  EXPECT_EQ(a.points[0].count, std::nullopt);
  EXPECT_EQ(a.points[1].time_us, kStart_us + 2'000'000);
  EXPECT_EQ(answer.series[1].points[0].value, 4);
}

TEST_F(MetricStoreTest, HistogramsAndSummariesKeepTheirBuckets) {
  Ingest(1);
  MetricPoint histogram = Find({.name = "vllm:ttft"}).series.at(0).points.at(0);
  EXPECT_EQ(histogram.value, std::nullopt);
  EXPECT_EQ(histogram.count, 3);
  EXPECT_EQ(histogram.sum, 1.5);
  EXPECT_EQ(histogram.distribution, R"({"bounds":[0.1,0.5],"counts":[1,1,1]})");
  MetricPoint summary = Find({.name = "vllm:latency"}).series.at(0).points.at(0);
  EXPECT_EQ(summary.count, 2);
  EXPECT_EQ(summary.distribution, R"({"quantiles":[0.5],"values":[7.0]})");
}

TEST_F(MetricStoreTest, FiltersSelectTheNewestPoints) {
  for (int64_t second = 0; second < 10; ++second) Ingest(second);
  Ingest(3, "# TYPE vllm:running gauge\nvllm:running 9\n", {{"service.name", "other"}});
  EXPECT_EQ(Running({.service = "vllm"}).size(), 10u);
  EXPECT_EQ(Running({.service = "other"}).at(0).value, 9);
  EXPECT_EQ(Find({.name = "vllm:running"}).series.size(), 2u);
  auto middle =
      Running({.service = "vllm", .start_us = kStart_us + 2'000'000, .end_us = kStart_us + 4'000'000});
  EXPECT_EQ(middle.size(), 3u);
  MetricAnswer limited = Find({.name = "vllm:running", .service = "vllm", .limit = 2});
  EXPECT_TRUE(limited.truncated);
  ASSERT_EQ(limited.series.at(0).points.size(), 2u);
  EXPECT_EQ(limited.series[0].points[1].time_us, kStart_us + 9'000'000);
  auto stepped = Running({.service = "vllm", .step_us = 5'000'000});
  ASSERT_EQ(stepped.size(), 2u);
  EXPECT_EQ(stepped[0].time_us, kStart_us + 4'000'000);
  EXPECT_EQ(stepped[1].time_us, kStart_us + 9'000'000);
  EXPECT_TRUE(Find({.name = "nothing"}).series.empty());
  EXPECT_TRUE(Find({.name = "' OR 1=1 --"}).series.empty());
}

TEST_F(MetricStoreTest, AttributesInAnotherOrderAreTheSameSeries) {
  Ingest(1, "# TYPE g gauge\ng{a=\"1\",b=\"2\"} 1\n");
  Ingest(2, "# TYPE g gauge\ng{b=\"2\",a=\"1\"} 1\n");
  EXPECT_EQ(Find({.name = "g"}).series.size(), 1u);
}

TEST_F(MetricStoreTest, NamesAreListed) {
  Ingest(1);
  Ingest(2);
  auto names = store_->MetricNames();
  ASSERT_TRUE(names);
  ASSERT_EQ(names->size(), 4u);
  EXPECT_EQ(names->at(1).name, "vllm:requests_total");
  EXPECT_EQ(names->at(1).type, "sum");
  EXPECT_EQ(names->at(1).description, "Requests.");
  EXPECT_EQ(names->at(1).series, 2);
  EXPECT_EQ(names->at(1).last_us, kStart_us + 2'000'000);
}

TEST_F(MetricStoreTest, SqlReadsThemAsOneTable) {
  Ingest(1);
  auto rows = store_->Sql(
      "SELECT name, type, value, count, distribution->'counts', attributes->>'model', time FROM "
      "metrics WHERE value = 4 OR type = 'histogram' ORDER BY name",
      10);
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_EQ(rows->Find("rows")->Dump(),
            R"([["vllm:requests_total","sum",4.0,null,null,"b","2023-11-14 22:13:21"],)"
            R"(["vllm:ttft","histogram",null,3,"[1,1,1]",null,"2023-11-14 22:13:21"]])");
}

TEST_F(MetricStoreTest, RestartAndRetryLoseAndDoubleNothing) {
  for (int64_t second = 0; second < 5; ++second) Ingest(second);
  Ingest(4);
  EXPECT_EQ(Running().size(), 5u);
  store_.Reopen();
  EXPECT_EQ(Running().size(), 5u);
  Ingest(4);
  Ingest(5);
  EXPECT_EQ(Running().size(), 6u);
  store_.Reopen();
  EXPECT_EQ(Running().size(), 6u);
}

TEST_F(MetricStoreTest, KilledStoreKeepsWhatItAcknowledged) {
  Ingest(1);
  io::TempFolder crash;
  io::CopyFolder(store_.dir(), crash / "store");
  StoreOptions options;
  options.dir = crash / "store";
  options.free_bytes_min = 0;
  auto other = *Store::Open(std::move(options));
  EXPECT_EQ(other->FindMetrics({.name = "vllm:running"})->series.size(), 1u);
}

TEST_F(MetricStoreTest, OldPointsAndTheirSeriesGoWhenThereAreTooMany) {
  StoreOptions options;
  options.free_bytes_min = 0;
  options.metric_points_max = 80;
  store_.Reopen(options);
  Ingest(0, "# TYPE old gauge\nold 1\n");
  for (int64_t second = 1; second <= 200; ++second)
    Ingest(second, "# TYPE vllm:running gauge\nvllm:running 1\n");
  const size_t left = Running().size();
  EXPECT_GE(left, 80u);
  EXPECT_LE(left, 90u);
  EXPECT_EQ(Running().back().time_us, kStart_us + 200'000'000);
  EXPECT_EQ(store_->MetricNames()->size(), 1u);
  Ingest(201, "# TYPE old gauge\nold 1\n");  // comes back as a series
  EXPECT_EQ(Find({.name = "old"}).series.size(), 1u);
}

TEST_F(MetricStoreTest, LogOfMetricsStaysWithinItsRoom) {
  StoreOptions options;
  options.free_bytes_min = 0;
  options.metric_log_bytes_max = 16'000;
  store_.Reopen(options);
  for (int64_t second = 0; second < 300; ++second) Ingest(second);
  store_.Reopen(options);
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(store_.dir() + "/metrics"))
    bytes += file.file_size();
  EXPECT_LE(bytes, 16'000u);
  EXPECT_LT(Running().size(), 300u);
  EXPECT_EQ(Running().back().time_us, kStart_us + 299'000'000);
}

TEST_F(MetricStoreTest, SeriesWithoutEndAreRejected) {
  auto database = *duckdb::Database::Open({});
  io::TempFolder folder;
  MetricStoreOptions options;
  options.log.fs = &io::PosixFileSystem();
  options.log.dir = folder / "metrics";
  options.log.free_bytes_min = 0;
  options.series_max = 3;
  auto store = *MetricStore::Open(*database, std::move(options));
  auto taken = store->Ingest(ScrapeRequest(kScrape, kStart_us * 1000));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->count, 3u);
  EXPECT_EQ(taken->rejected.rejected, 2);
  EXPECT_FALSE(taken->rejected.message.empty());
  // Those that are known go on.
  EXPECT_EQ(store->Ingest(ScrapeRequest(kScrape, (kStart_us + 1) * 1000))->count, 3u);
}

TEST_F(MetricStoreTest, AResourceCopiedForTooManyPointsIsRefusedBeforeTheLog) {
  std::string text = "# TYPE many gauge\n";
  for (int i = 0; i < 65; ++i) text += fmt::format("many{{i=\"{}\"}} 1\n", i);
  const std::string request = ScrapeRequest(text, kStart_us * 1000, {{"blob", std::string(1 << 20, 'r')}});
  EXPECT_EQ(store_->IngestMetrics(request).error().code, ErrorCode::kInvalidArgument);
  store_.Reopen();
  EXPECT_TRUE(store_->MetricNames()->empty());
}

TEST_F(MetricStoreTest, BadBytesFullAndClosedStoresAreErrors) {
  EXPECT_EQ(store_->IngestMetrics("\x0a\xff\xff").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->IngestMetrics("")->count, 0u);
  store_.Reopen(1'000);
  store_.SetFreeBytes(10);
  const std::string request = ScrapeRequest(kScrape, kStart_us * 1000);
  EXPECT_EQ(store_->IngestMetrics(request).error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(store_->MetricNames()->empty());
  store_.SetFreeBytes(-1);
  EXPECT_EQ(store_->IngestMetrics(request)->count, 5u);
  store_->Close();
  EXPECT_EQ(store_->IngestMetrics(request).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace beleg::store
