// Prometheus text (exposition format 0.0.4) as values, and those as OTLP metrics.
//
// Errors: kInvalidArgument names the line. Limits: kPrometheusSamplesMax.
// Source: https://prometheus.io/docs/instrumenting/exposition_formats; opentelemetry-specification, "Prometheus and OpenMetrics
//         compatibility".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "wire/otlp.h"

namespace beleg::wire {

constexpr size_t kPrometheusSamplesMax = 1'000'000;

enum class PrometheusType { kUntyped, kCounter, kGauge, kHistogram, kSummary };

struct PrometheusSample {
  std::string name;  // with _bucket, _sum, _count
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
  std::optional<int64_t> time_unix_ms;
};

struct PrometheusFamily {
  std::string name;
  std::string help;
  PrometheusType type = PrometheusType::kUntyped;
  std::vector<PrometheusSample> samples;
};

// Families in their order. A sample without a TYPE line is a family of its own, untyped.
Result<std::vector<PrometheusFamily>> ParsePrometheusText(std::string_view text);

struct PrometheusScrape {
  otlp::Attributes resource;
  int64_t time_unix_ns = 0;   // of samples that carry none
  int64_t start_unix_ns = 0;  // since when counters count
};
// An ExportMetricsServiceRequest: counters become monotonic cumulative sums, gauges and untyped samples gauges, histograms and
// summaries what they are. A histogram whose buckets do not ascend is left out.
std::string EncodePrometheus(const std::vector<PrometheusFamily>& families, const PrometheusScrape& scrape);

}  // namespace beleg::wire
