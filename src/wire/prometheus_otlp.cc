// Prometheus families as OTLP metrics (opentelemetry-proto metrics/v1; its numbers stand below, since only this file writes it).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>

#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>

#include "base/bytes.h"
#include "wire/otlp_edit.h"
#include "wire/otlp_fields.h"
#include "wire/prometheus_text.h"

namespace beleg::wire {
namespace {

using protozero::pbf_writer;
using Labels = std::vector<std::pair<std::string, std::string>>;

constexpr uint32_t kMetricName = 1, kMetricDescription = 2, kGauge = 5, kSum = 7, kHistogram = 9,
                   kSummary = 11;
constexpr uint32_t kPoints = 1, kTemporality = 2, kIsMonotonic = 3;
constexpr int32_t kCumulative = 2;
constexpr uint32_t kStart = 2, kTime = 3;  // of every kind of point
constexpr uint32_t kNumberDouble = 4, kNumberAttributes = 7;
constexpr uint32_t kCount = 4, kPointSum = 5, kBucketCounts = 6, kBounds = 7, kHistogramAttributes = 9;
constexpr uint32_t kQuantiles = 6, kSummaryAttributes = 7, kQuantile = 1, kQuantileValue = 2;

// Samples of a histogram or summary that differ in `le` or `quantile` alone.
struct Series {
  std::vector<std::pair<double, double>> steps;  // bound or quantile, and its value
  double sum = 0;
  double count = 0;
  std::optional<int64_t> time_unix_ms;
};

double Number(std::string_view text) {
  if (text == "+Inf" || text == "Inf") return HUGE_VAL;
  double out = std::nan("");
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

class Encoder {
 public:
  explicit Encoder(const PrometheusScrape& scrape) : scrape_(scrape) {}

  // The bytes of a Metric; "" when nothing of the family can be said.
  std::string Metric(const PrometheusFamily& family) {
    std::string out;
    pbf_writer metric(out);
    metric.add_string(kMetricName, family.name);
    if (!family.help.empty()) metric.add_string(kMetricDescription, family.help);
    std::string data = Data(family);
    if (data.empty()) return "";
    metric.add_message(KindOf(family.type), data);
    return out;
  }

 private:
  static uint32_t KindOf(PrometheusType type) {
    switch (type) {
      case PrometheusType::kCounter: return kSum;
      case PrometheusType::kHistogram: return kHistogram;
      case PrometheusType::kSummary: return kSummary;
      case PrometheusType::kUntyped:
      case PrometheusType::kGauge: break;
    }
    return kGauge;
  }

  std::string Data(const PrometheusFamily& family) {
    std::string out;
    pbf_writer data(out);
    bool composed = family.type == PrometheusType::kHistogram || family.type == PrometheusType::kSummary;
    if (composed) {
      for (auto& [labels, series] : Gather(family)) {
        std::string point = family.type == PrometheusType::kHistogram ? HistogramPoint(labels, series)
                                                                      : SummaryPoint(labels, series);
        if (!point.empty()) data.add_message(kPoints, point);
      }
    } else {
      for (const PrometheusSample& sample : family.samples)
        data.add_message(kPoints, NumberPoint(sample, family.type == PrometheusType::kCounter));
    }
    if (out.empty()) return out;
    if (family.type == PrometheusType::kCounter || family.type == PrometheusType::kHistogram)
      data.add_enum(kTemporality, kCumulative);
    if (family.type == PrometheusType::kCounter) data.add_bool(kIsMonotonic, true);
    return out;
  }

  static std::map<Labels, Series> Gather(const PrometheusFamily& family) {
    std::string_view step = family.type == PrometheusType::kHistogram ? "le" : "quantile";
    std::map<Labels, Series> out;
    for (const PrometheusSample& sample : family.samples) {
      Labels labels = sample.labels;
      auto at = std::ranges::find(labels, step, &Labels::value_type::first);
      std::optional<double> bound;
      if (at != labels.end()) {
        bound = Number(at->second);
        labels.erase(at);
      }
      Series& series = out[labels];
      series.time_unix_ms = sample.time_unix_ms;
      if (bound)
        series.steps.emplace_back(*bound, sample.value);
      else if (sample.name.ends_with("_sum"))
        series.sum = sample.value;
      else if (sample.name.ends_with("_count"))
        series.count = sample.value;
    }
    return out;
  }

  void Times(pbf_writer& point, std::optional<int64_t> time_unix_ms, bool has_start) const {
    if (has_start) point.add_fixed64(kStart, static_cast<uint64_t>(scrape_.start_unix_ns));
    int64_t time = time_unix_ms ? *time_unix_ms * 1'000'000 : scrape_.time_unix_ns;
    point.add_fixed64(kTime, static_cast<uint64_t>(std::max<int64_t>(time, 0)));
  }

  static void Attributes(pbf_writer& point, uint32_t tag, const Labels& labels) {
    for (const auto& [name, value] : labels) {
      std::string pair;
      pbf_writer writer(pair);
      writer.add_string(otlp::fields::key_value::kKey, name);
      writer.add_message(otlp::fields::key_value::kValue, otlp::EncodeAnyValue(value));
      point.add_message(tag, pair);
    }
  }

  std::string NumberPoint(const PrometheusSample& sample, bool is_counter) const {
    std::string out;
    pbf_writer point(out);
    Times(point, sample.time_unix_ms, is_counter);
    point.add_double(kNumberDouble, sample.value);
    Attributes(point, kNumberAttributes, sample.labels);
    return out;
  }

  std::string HistogramPoint(const Labels& labels, Series& series) const {
    std::ranges::sort(series.steps);
    std::vector<double> bounds;
    std::vector<uint64_t> counts;
    double below = 0;
    for (const auto& [bound, cumulative] : series.steps) {
      if (!(cumulative >= below) || std::isinf(cumulative)) return "";
      counts.push_back(static_cast<uint64_t>(cumulative - below));
      below = cumulative;
      if (std::isfinite(bound)) bounds.push_back(bound);
    }
    if (counts.size() != bounds.size() + 1) return "";  // without +Inf nobody knows the last bucket
    std::string out;
    pbf_writer point(out);
    Times(point, series.time_unix_ms, true);
    point.add_fixed64(kCount, static_cast<uint64_t>(below));
    point.add_double(kPointSum, series.sum);
    point.add_packed_fixed64(kBucketCounts, counts.begin(), counts.end());
    point.add_packed_double(kBounds, bounds.begin(), bounds.end());
    Attributes(point, kHistogramAttributes, labels);
    return out;
  }

  std::string SummaryPoint(const Labels& labels, const Series& series) const {
    if (!(series.count >= 0) || std::isinf(series.count)) return "";
    std::string out;
    pbf_writer point(out);
    Times(point, series.time_unix_ms, true);
    point.add_fixed64(kCount, static_cast<uint64_t>(series.count));
    point.add_double(kPointSum, series.sum);
    for (const auto& [quantile, value] : series.steps) {
      std::string step;
      pbf_writer writer(step);
      writer.add_double(kQuantile, quantile);
      writer.add_double(kQuantileValue, value);
      point.add_message(kQuantiles, step);
    }
    Attributes(point, kSummaryAttributes, labels);
    return out;
  }

  const PrometheusScrape& scrape_;
};

}  // namespace

std::string EncodePrometheus(const std::vector<PrometheusFamily>& families, const PrometheusScrape& scrape) {
  Encoder encoder(scrape);
  std::string metrics;
  pbf_writer scope(metrics);
  for (const PrometheusFamily& family : families)
    if (std::string metric = encoder.Metric(family); !metric.empty())
      scope.add_message(otlp::fields::scope_spans::kSpans, metric);
  // A request of one resource; its scope goes behind.
  std::string request;
  std::string resource_metrics;
  std::string with_resource;
  otlp::AppendResourceSpans(with_resource, scrape.resource, {});
  protozero::pbf_reader reader(with_resource);
  if (reader.next(otlp::fields::request::kResourceSpans)) resource_metrics = reader.get_string();
  pbf_writer(resource_metrics).add_message(otlp::fields::resource_spans::kScopeSpans, metrics);
  pbf_writer(request).add_message(otlp::fields::request::kResourceSpans, resource_metrics);
  return request;
}

}  // namespace beleg::wire
