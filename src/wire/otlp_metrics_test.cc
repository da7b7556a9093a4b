#include "wire/otlp_metrics.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <protozero/pbf_writer.hpp>

#include "wire/prometheus_text.h"

namespace beleg::wire::otlp {
namespace {

using protozero::pbf_writer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Nested(uint32_t tag, const std::string& content) {
  std::string out;
  pbf_writer(out).add_message(tag, content);
  return out;
}

std::string NameField(uint32_t tag, const std::string& text) {
  std::string out;
  pbf_writer(out).add_string(tag, text);
  return out;
}

// A request of one metric of that kind (field number) with these points.
std::string MetricRequest(uint32_t kind, const std::vector<std::string>& points,
                          const std::string& name = "m") {
  std::string data;
  for (const std::string& point : points) data += Nested(1, point);
  std::string metric = (name.empty() ? "" : NameField(1, name)) + Nested(kind, data);
  return Nested(1, Nested(2, Nested(2, metric)));
}

std::vector<DataPoint> PointsOf(const std::string& request, PartialSuccess& rejected) {
  auto resources = DecodeMetrics(request, rejected);
  EXPECT_TRUE(resources) << resources.error().message;
  return resources ? resources->at(0).scopes.at(0).metrics.at(0).points : std::vector<DataPoint>{};
}

std::string NumberPoint(double value, uint64_t time_unix_ns = 5) {
  std::string out;
  pbf_writer point(out);
  point.add_fixed64(3, time_unix_ns);
  point.add_double(4, value);
  return out;
}

// As field numbers of HistogramDataPoint.
std::string HistogramPoint(const std::vector<uint64_t>& counts, const std::vector<double>& bounds) {
  std::string out;
  pbf_writer point(out);
  point.add_fixed64(3, 5);
  point.add_fixed64(4, 6);
  point.add_double(5, 1.5);
  point.add_packed_fixed64(6, counts.begin(), counts.end());
  point.add_packed_double(7, bounds.begin(), bounds.end());
  point.add_double(11, 0.1);
  return out;
}

// What our own collector's prometheus receiver makes of a scrape.
TEST(OtlpMetrics, ScrapedFamiliesAreReadWhole) {
  auto families = ParsePrometheusText(
      "# HELP requests Requests.\n# TYPE requests counter\nrequests{model=\"a\"} 3\nrequests{model=\"b\"} 4\n"
      "# TYPE running gauge\nrunning 2.5\n"
      "# TYPE ttft histogram\nttft_bucket{le=\"0.1\"} 1\nttft_bucket{le=\"+Inf\"} 3\nttft_sum "
      "1.5\nttft_count 3\n"
      "# TYPE latency summary\nlatency{quantile=\"0.5\"} 7\nlatency_sum 9\nlatency_count 2\n");
  ASSERT_TRUE(families);
  PartialSuccess rejected;
  auto resources = DecodeMetrics(
      EncodePrometheus(*families,
                       {.resource = {{"service.name", "vllm"}}, .time_unix_ns = 20, .start_unix_ns = 10}),
      rejected);
  ASSERT_TRUE(resources) << resources.error().message;
  EXPECT_EQ(rejected.rejected, 0);
  ASSERT_EQ(resources->size(), 1u);
  EXPECT_EQ(resources->at(0).resource, (Attributes{{"service.name", "vllm"}}));
  const std::vector<Metric>& metrics = resources->at(0).scopes.at(0).metrics;
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_EQ(metrics[0].name, "requests");
  EXPECT_EQ(metrics[0].description, "Requests.");
  EXPECT_EQ(metrics[0].type, MetricType::kSum);
  EXPECT_EQ(metrics[0].temporality, Temporality::kCumulative);
  EXPECT_TRUE(metrics[0].is_monotonic);
  ASSERT_EQ(metrics[0].points.size(), 2u);
  EXPECT_EQ(metrics[0].points[1].attributes, (Attributes{{"model", "b"}}));
  EXPECT_EQ(metrics[0].points[1].value, 4);
  EXPECT_EQ(metrics[0].points[1].time_unix_ns, 20);
  EXPECT_EQ(metrics[0].points[1].start_unix_ns, 10);
  EXPECT_EQ(metrics[1].type, MetricType::kGauge);
  EXPECT_EQ(metrics[1].points.at(0).value, 2.5);
  EXPECT_EQ(metrics[2].type, MetricType::kHistogram);
  EXPECT_EQ(metrics[2].points.at(0).count, 3u);
  EXPECT_EQ(metrics[2].points.at(0).sum, 1.5);
  EXPECT_THAT(metrics[2].points.at(0).bounds, ElementsAre(0.1));
  EXPECT_THAT(metrics[2].points.at(0).counts, ElementsAre(1, 2));
  EXPECT_EQ(metrics[3].type, MetricType::kSummary);
  EXPECT_THAT(metrics[3].points.at(0).bounds, ElementsAre(0.5));
  EXPECT_THAT(metrics[3].points.at(0).values, ElementsAre(7));
}

TEST(OtlpMetrics, WholeNumbersAndMissingValuesAreRead) {
  std::string whole, none;
  pbf_writer(whole).add_sfixed64(6, -7);
  pbf_writer(none).add_uint32(8, 1);
  PartialSuccess rejected;
  auto points = PointsOf(MetricRequest(5, {whole, none}), rejected);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].value, -7);
  EXPECT_TRUE(points[0].is_recorded);
  EXPECT_FALSE(points[1].is_recorded);
}

TEST(OtlpMetrics, ExponentialBucketsGetTheirLimits) {
  std::string side, point_bytes;
  {
    pbf_writer writer(side);
    writer.add_sint32(1, 1);  // offset: the first bucket is (2, 4]
    const std::vector<uint64_t> counts = {5, 6};
    writer.add_packed_uint64(2, counts.begin(), counts.end());
  }
  pbf_writer point(point_bytes);
  point.add_fixed64(4, 22);
  point.add_sint32(6, 0);
  point.add_fixed64(7, 4);
  point.add_message(8, side);
  point.add_message(9, side);
  PartialSuccess rejected;
  auto points = PointsOf(MetricRequest(10, {point_bytes}), rejected);
  ASSERT_EQ(points.size(), 1u) << rejected.message;
  EXPECT_EQ(points[0].count, 22u);
  EXPECT_THAT(points[0].bounds, ElementsAre(-8, -4, -2, 2, 4, 8));
  EXPECT_THAT(points[0].counts, ElementsAre(0, 6, 5, 4, 5, 6, 0));
}

TEST(OtlpMetrics, WrongPointsAreLeftOutAndCounted) {
  PartialSuccess rejected;
  auto points =
      PointsOf(MetricRequest(9, {HistogramPoint({1, 2}, {0.1}), HistogramPoint({1, 2}, {0.1, 0.2}),
                                 HistogramPoint({1, 2, 3}, {0.2, 0.1}), HistogramPoint({3, 3}, {0.3})}),
               rejected);
  ASSERT_EQ(points.size(), 2u);
  EXPECT_THAT(points[0].bounds, ElementsAre(0.1));
  EXPECT_THAT(points[1].bounds, ElementsAre(0.3));
  EXPECT_EQ(rejected.rejected, 2);
  EXPECT_THAT(rejected.message, HasSubstr("data_points[1].bucket_counts"));
}

TEST(OtlpMetrics, TimesBeyondAndNamelessMetricsAreRejected) {
  PartialSuccess rejected;
  EXPECT_THAT(PointsOf(MetricRequest(5, {NumberPoint(1, UINT64_MAX)}), rejected), IsEmpty());
  EXPECT_EQ(rejected.rejected, 1);
  PartialSuccess nameless;
  EXPECT_THAT(PointsOf(MetricRequest(5, {NumberPoint(1), NumberPoint(2)}, ""), nameless), IsEmpty());
  EXPECT_EQ(nameless.rejected, 2);
  EXPECT_FALSE(nameless.message.empty());
}

TEST(OtlpMetrics, TooManyBucketsCostThePoint) {
  std::vector<double> bounds(kBucketsMax + 1);
  for (size_t i = 0; i < bounds.size(); ++i) bounds[i] = static_cast<double>(i);
  PartialSuccess rejected;
  auto points = PointsOf(MetricRequest(9, {HistogramPoint(std::vector<uint64_t>(bounds.size() + 1), bounds)}),
                         rejected);
  EXPECT_THAT(points, IsEmpty());
  EXPECT_EQ(rejected.rejected, 1);
}

TEST(OtlpMetrics, BytesThatAreNoProtobufRefuseTheRequest) {
  PartialSuccess rejected;
  const std::string good = MetricRequest(5, {NumberPoint(1)});
  for (size_t length = 1; length < good.size(); ++length) {
    auto cut = DecodeMetrics(good.substr(0, length), rejected);
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(DecodeMetrics(MetricRequest(5, {}, "\xff"), rejected).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(rejected.rejected, 0);
  EXPECT_TRUE(DecodeMetrics("", rejected)->empty());
}

}  // namespace
}  // namespace beleg::wire::otlp
