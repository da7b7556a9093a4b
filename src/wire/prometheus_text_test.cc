#include "wire/prometheus_text.h"

#include <cmath>

#include <gtest/gtest.h>

#include "wire/otlp_edit.h"

namespace beleg::wire {
namespace {

constexpr std::string_view kText = R"(# HELP vllm:requests_total Requests "seen".
# TYPE vllm:requests_total counter
vllm:requests_total{model="a\"b\\c\nd",} 3
vllm:requests_total{model="x", code="200"} 1.5e1 1700000000123

# a comment
# TYPE wait_seconds histogram
wait_seconds_bucket{le="0.1"} 1
wait_seconds_bucket{le="1"} 3
wait_seconds_bucket{le="+Inf"} 4
wait_seconds_sum 5.5
wait_seconds_count 4
# TYPE lag summary
lag{quantile="0.5"} 2
lag_sum 10
lag_count 5
plain -Inf
)";

std::vector<PrometheusFamily> Parse(std::string_view text) {
  auto out = ParsePrometheusText(text);
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message);
  return out.value_or(std::vector<PrometheusFamily>{});
}

TEST(PrometheusText, FamiliesHaveTheirSamples) {
  auto families = Parse(kText);
  ASSERT_EQ(families.size(), 4u);
  EXPECT_EQ(families[0].help, "Requests \"seen\".");
  EXPECT_EQ(families[0].type, PrometheusType::kCounter);
  ASSERT_EQ(families[0].samples.size(), 2u);
  EXPECT_EQ(families[0].samples[0].labels[0].second, "a\"b\\c\nd");
  EXPECT_EQ(families[0].samples[1].value, 15);
  EXPECT_EQ(families[0].samples[1].time_unix_ms, 1700000000123);
  EXPECT_EQ(families[1].samples.size(), 5u);
  EXPECT_EQ(families[2].type, PrometheusType::kSummary);
  EXPECT_EQ(families[3].name, "plain");
  EXPECT_EQ(families[3].samples[0].value, -HUGE_VAL);
}

TEST(PrometheusText, AWrongLineIsNamed) {
  for (std::string_view wrong :
       {"a b", "a{x=\"1} 2", "a{x} 2", "{} 1", "a 1 x", "a{x=\"1\" y=\"2\"} 1", "a"}) {
    auto out = ParsePrometheusText("ok 1\n" + std::string(wrong) + "\n");
    ASSERT_FALSE(out.has_value()) << wrong;
    EXPECT_TRUE(out.error().message.starts_with("line 2: ")) << out.error().message;
  }
  EXPECT_TRUE(Parse("").empty());
}

TEST(PrometheusText, EverySeriesIsADataPoint) {
  std::string request = EncodePrometheus(Parse(kText), {{{"service.name", "job"}}, 2, 1});
  EXPECT_EQ(otlp::CountItems(request).value(), 4u);
  EXPECT_EQ(otlp::CountDataPoints(request).value(), 5u);
  std::string_view view = request;
  EXPECT_NE(view.find("vllm:requests_total"), std::string_view::npos);
  EXPECT_NE(view.find("service.name"), std::string_view::npos);
}

TEST(PrometheusText, AHistogramThatDescendsIsLeftOut) {
  auto families =
      Parse("# TYPE h histogram\nh_bucket{le=\"1\"} 5\nh_bucket{le=\"+Inf\"} 4\nh_count 4\nh_sum 1\n");
  EXPECT_EQ(otlp::CountItems(EncodePrometheus(families, {})).value(), 0u);
}

}  // namespace
}  // namespace beleg::wire
