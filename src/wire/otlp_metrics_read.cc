#include <algorithm>
#include <cmath>

#include "wire/otlp_fields.h"
#include "wire/otlp_metrics.h"
#include "wire/otlp_reader.h"

namespace beleg::wire::otlp {
namespace {

using protozero::pbf_wire_type;

// opentelemetry-proto metrics/v1; requests, resources and scopes have the numbers of traces.
constexpr uint32_t kName = 1, kDescription = 2, kUnit = 3;                  // Metric
constexpr uint32_t kPoints = 1, kTemporality = 2, kIsMonotonic = 3;         // Gauge, Sum, Histogram …
constexpr uint32_t kStart = 2, kTime = 3;                                   // of every point
constexpr uint32_t kAsDouble = 4, kAsInt = 6, kNumberAttributes = 7;        // NumberDataPoint
constexpr uint32_t kCount = 4, kSum = 5;                                    // of the others
constexpr uint32_t kCounts = 6, kBounds = 7, kHistogramAttributes = 9;      // HistogramDataPoint
constexpr uint32_t kHistogramMin = 11, kHistogramMax = 12;                  //
constexpr uint32_t kExponentialAttributes = 1, kScale = 6, kZeroCount = 7,  // Exponential…DataPoint
    kPositive = 8, kNegative = 9, kExponentialMin = 12, kExponentialMax = 13, kZeroLimit = 14;
constexpr uint32_t kOffset = 1, kBucketCounts = 2;  // Buckets
constexpr uint32_t kQuantiles = 6, kSummaryAttributes = 7, kQuantile = 1,
                   kQuantileValue = 2;  // SummaryDataPoint
constexpr uint32_t kNumberFlags = 8,
                   kHistogramFlags = 10;  // Summary's is a number's, Exponential's a histogram's
constexpr uint64_t kNoRecordedValue = 1;

// The buckets of an exponential histogram before they are given limits.
struct Exponential {
  int32_t scale = 0;
  uint64_t zero_count = 0;
  double zero_limit = 0;
  struct Side {
    int32_t offset = 0;
    std::vector<uint64_t> counts;
  };
  Side positive, negative;
};

bool Ascends(const std::vector<double>& bounds) {
  return std::ranges::all_of(bounds, [](double bound) { return std::isfinite(bound); }) &&
         std::ranges::adjacent_find(bounds, std::ranges::greater_equal{}) == bounds.end();
}

// Bucket i of a side lies between base^(offset + i) and the next power, base = 2^(2^-scale).
void Spread(const Exponential& from, DataPoint& out) {
  auto power = [&](int64_t exponent) {
    return std::exp2(static_cast<double>(exponent) * std::exp2(-static_cast<double>(from.scale)));
  };
  auto add = [&](double bound, uint64_t count) {
    out.bounds.push_back(bound);
    out.counts.push_back(count);
  };
  const auto& [negative_offset, negative] = from.negative;
  const auto& [positive_offset, positive] = from.positive;
  const auto end = [](int64_t offset, const std::vector<uint64_t>& counts) {
    return offset + static_cast<int64_t>(counts.size());
  };
  if (!negative.empty()) add(-power(end(negative_offset, negative)), 0);
  for (size_t i = negative.size(); i-- > 0;)
    add(-power(negative_offset + static_cast<int64_t>(i)), negative[i]);
  add(positive.empty() ? from.zero_limit : power(positive_offset), from.zero_count);
  for (size_t i = 0; i < positive.size(); ++i)
    add(power(positive_offset + static_cast<int64_t>(i) + 1), positive[i]);
  out.counts.push_back(0);
}

class MetricsReader : private OtlpReader {
 public:
  MetricsReader(std::string_view request, PartialSuccess& rejected)
      : OtlpReader(request), rejected_(rejected) {}

  Result<std::vector<ResourceMetrics>> ReadAll() {
    std::vector<ResourceMetrics> out;
    TRY(Fenced([&](Message request) { return ReadRequest(request, out); }));
    return out;
  }

 private:
  bool ReadRequest(Message& request, std::vector<ResourceMetrics>& out);
  bool ReadResourceMetrics(Message& message, ResourceMetrics& out);
  bool ReadScopeMetrics(Message& message, ScopeMetrics& out);
  bool ReadMetric(Message& message, Metric& out);
  bool ReadData(Message& message, Metric& out);
  bool ReadPoint(Message& message, MetricType type, DataPoint& out);
  bool ReadNumber(Message& message, DataPoint& out);
  bool ReadHistogram(Message& message, DataPoint& out);
  bool ReadExponential(Message& message, DataPoint& out);
  bool ReadSummary(Message& message, DataPoint& out);
  bool ReadSide(Message& message, Exponential::Side& out);
  bool ReadQuantile(Message& message, DataPoint& out);
  bool ReadFlag(Message& message, DataPoint& out);
  // Repeated fields, packed or one by one.
  bool ReadFixedCounts(Message& message, std::vector<uint64_t>& out);
  bool ReadVarintCounts(Message& message, std::vector<uint64_t>& out);
  bool ReadBounds(Message& message, std::vector<double>& out);
  template <class T>
  bool Add(const char* name, T item, std::vector<T>& out) {
    if (out.size() > kBucketsMax) return Refuse(name, fmt::format("more than {}", kBucketsMax));
    out.push_back(item);
    return true;
  }

  PartialSuccess& rejected_;
  size_t points_ = 0;
};

bool MetricsReader::ReadRequest(Message& request, std::vector<ResourceMetrics>& out) {
  while (Next(request)) {
    if (request.tag() != fields::request::kResourceSpans) {
      request.skip();
    } else if (!ReadMessage(request, "resource_metrics", out.size(), [&](Message& message) {
                 return ReadResourceMetrics(message, out.emplace_back());
               })) {
      return false;
    }
  }
  return true;
}

bool MetricsReader::ReadResourceMetrics(Message& message, ResourceMetrics& out) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::resource_spans::kResource:
        ok = ReadMessage(message, "resource", kNoIndex,
                         [&](Message& inner) { return ReadResource(inner, out.resource); });
        break;
      case fields::resource_spans::kScopeSpans:
        ok = ReadMessage(message, "scope_metrics", out.scopes.size(),
                         [&](Message& inner) { return ReadScopeMetrics(inner, out.scopes.emplace_back()); });
        break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool MetricsReader::ReadScopeMetrics(Message& message, ScopeMetrics& out) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::scope_spans::kScope:
        ok = ReadMessage(message, "scope", kNoIndex, [&](Message& inner) {
          return ReadScope(inner, out.name, out.version, out.attributes);
        });
        break;
      case fields::scope_spans::kSpans:
        ok = ReadMessage(message, "metrics", out.metrics.size(),
                         [&](Message& inner) { return ReadMetric(inner, out.metrics.emplace_back()); });
        break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool MetricsReader::ReadMetric(Message& message, Metric& out) {
  constexpr std::pair<uint32_t, MetricType> kKinds[] = {{5, MetricType::kGauge},
                                                        {7, MetricType::kSum},
                                                        {9, MetricType::kHistogram},
                                                        {10, MetricType::kExponentialHistogram},
                                                        {11, MetricType::kSummary}};
  while (Next(message)) {
    bool ok = true;
    auto kind = std::ranges::find(kKinds, message.tag(), &std::pair<uint32_t, MetricType>::first);
    if (kind != std::end(kKinds)) {
      out.type = kind->second;
      ok = ReadMessage(message, "data", kNoIndex, [&](Message& inner) { return ReadData(inner, out); });
    } else if (message.tag() == kName) {
      ok = ReadText(message, "name", out.name);
    } else if (message.tag() == kDescription) {
      ok = ReadText(message, "description", out.description);
    } else if (message.tag() == kUnit) {
      ok = ReadText(message, "unit", out.unit);
    } else {
      message.skip();
    }
    if (!ok) return false;
  }
  if (!out.name.empty() || out.points.empty()) return true;
  rejected_.rejected += static_cast<int64_t>(out.points.size());
  if (rejected_.message.empty()) rejected_.message = "a metric has no name";
  out.points.clear();
  return true;
}

bool MetricsReader::ReadData(Message& message, Metric& out) {
  size_t index = 0;
  auto read_point = [&](Message& inner) {
    if (ReadPoint(inner, out.type, out.points.emplace_back())) return true;
    out.points.pop_back();
    return false;
  };
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case kPoints:
        if (++points_ > kDataPointsMax)
          return Refuse("data_points", fmt::format("more than {} in one request", kDataPointsMax));
        ok = ReadItem(message, "data_points", index++, &rejected_, read_point);
        break;
      case kTemporality:
        ok = ReadEnum(message, "aggregation_temporality", Temporality::kCumulative, out.temporality);
        break;
      case kIsMonotonic:
        ok = Typed(message, "is_monotonic", pbf_wire_type::varint);
        if (ok) out.is_monotonic = message.get_bool();
        break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool MetricsReader::ReadPoint(Message& message, MetricType type, DataPoint& out) {
  switch (type) {
    case MetricType::kGauge:
    case MetricType::kSum: return ReadNumber(message, out);
    case MetricType::kHistogram: return ReadHistogram(message, out);
    case MetricType::kExponentialHistogram: return ReadExponential(message, out);
    case MetricType::kSummary: return ReadSummary(message, out);
  }
  return false;
}

bool MetricsReader::ReadNumber(Message& message, DataPoint& out) {
  uint64_t whole = 0;
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case kNumberAttributes: ok = ReadAttribute(message, "attributes", out.attributes); break;
      case kStart: ok = ReadTime(message, "start_time_unix_nano", out.start_unix_ns); break;
      case kTime: ok = ReadTime(message, "time_unix_nano", out.time_unix_ns); break;
      case kAsDouble: ok = ReadDouble(message, "as_double", out.value); break;
      case kAsInt:
        ok = ReadFixed64(message, "as_int", whole);
        out.value = static_cast<double>(static_cast<int64_t>(whole));
        break;
      case kNumberFlags: ok = ReadFlag(message, out); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool MetricsReader::ReadHistogram(Message& message, DataPoint& out) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case kHistogramAttributes: ok = ReadAttribute(message, "attributes", out.attributes); break;
      case kStart: ok = ReadTime(message, "start_time_unix_nano", out.start_unix_ns); break;
      case kTime: ok = ReadTime(message, "time_unix_nano", out.time_unix_ns); break;
      case kCount: ok = ReadFixed64(message, "count", out.count); break;
      case kSum: ok = ReadDouble(message, "sum", out.sum.emplace()); break;
      case kHistogramMin: ok = ReadDouble(message, "min", out.min.emplace()); break;
      case kHistogramMax: ok = ReadDouble(message, "max", out.max.emplace()); break;
      case kCounts: ok = ReadFixedCounts(message, out.counts); break;
      case kBounds: ok = ReadBounds(message, out.bounds); break;
      case kHistogramFlags: ok = ReadFlag(message, out); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  if (!out.counts.empty() && out.counts.size() != out.bounds.size() + 1)
    return Refuse("bucket_counts", fmt::format("{} for {} bounds", out.counts.size(), out.bounds.size()));
  if (out.counts.empty()) out.bounds.clear();
  return Ascends(out.bounds) || Refuse("explicit_bounds", "not ascending");
}

bool MetricsReader::ReadExponential(Message& message, DataPoint& out) {
  Exponential buckets;
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case kExponentialAttributes: ok = ReadAttribute(message, "attributes", out.attributes); break;
      case kStart: ok = ReadTime(message, "start_time_unix_nano", out.start_unix_ns); break;
      case kTime: ok = ReadTime(message, "time_unix_nano", out.time_unix_ns); break;
      case kCount: ok = ReadFixed64(message, "count", out.count); break;
      case kSum: ok = ReadDouble(message, "sum", out.sum.emplace()); break;
      case kExponentialMin: ok = ReadDouble(message, "min", out.min.emplace()); break;
      case kExponentialMax: ok = ReadDouble(message, "max", out.max.emplace()); break;
      case kScale:
        ok = Typed(message, "scale", pbf_wire_type::varint);
        if (ok) buckets.scale = message.get_sint32();
        break;
      case kZeroCount: ok = ReadFixed64(message, "zero_count", buckets.zero_count); break;
      case kZeroLimit: ok = ReadDouble(message, "zero_threshold", buckets.zero_limit); break;
      case kPositive:
        ok = ReadMessage(message, "positive", kNoIndex,
                         [&](Message& side) { return ReadSide(side, buckets.positive); });
        break;
      case kNegative:
        ok = ReadMessage(message, "negative", kNoIndex,
                         [&](Message& side) { return ReadSide(side, buckets.negative); });
        break;
      case kHistogramFlags: ok = ReadFlag(message, out); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  Spread(buckets, out);
  return Ascends(out.bounds) ||
         Refuse("positive", fmt::format("limits of scale {} are no numbers", buckets.scale));
}

bool MetricsReader::ReadSide(Message& message, Exponential::Side& out) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case kOffset:
        ok = Typed(message, "offset", pbf_wire_type::varint);
        if (ok) out.offset = message.get_sint32();
        break;
      case kBucketCounts: ok = ReadVarintCounts(message, out.counts); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool MetricsReader::ReadSummary(Message& message, DataPoint& out) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case kSummaryAttributes: ok = ReadAttribute(message, "attributes", out.attributes); break;
      case kStart: ok = ReadTime(message, "start_time_unix_nano", out.start_unix_ns); break;
      case kTime: ok = ReadTime(message, "time_unix_nano", out.time_unix_ns); break;
      case kCount: ok = ReadFixed64(message, "count", out.count); break;
      case kSum: ok = ReadDouble(message, "sum", out.sum.emplace()); break;
      case kQuantiles:
        ok = ReadMessage(message, "quantile_values", out.bounds.size(),
                         [&](Message& inner) { return ReadQuantile(inner, out); });
        break;
      case kNumberFlags: ok = ReadFlag(message, out); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool MetricsReader::ReadQuantile(Message& message, DataPoint& out) {
  if (out.bounds.size() >= kBucketsMax) return Refuse("", fmt::format("more than {}", kBucketsMax));
  double quantile = 0, value = 0;
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case kQuantile: ok = ReadDouble(message, "quantile", quantile); break;
      case kQuantileValue: ok = ReadDouble(message, "value", value); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  out.bounds.push_back(quantile);
  out.values.push_back(value);
  return true;
}

bool MetricsReader::ReadFlag(Message& message, DataPoint& out) {
  if (!Typed(message, "flags", pbf_wire_type::varint)) return false;
  out.is_recorded = (message.get_uint64() & kNoRecordedValue) == 0;
  return true;
}

bool MetricsReader::ReadFixedCounts(Message& message, std::vector<uint64_t>& out) {
  constexpr const char* kField = "bucket_counts";
  if (message.wire_type() == pbf_wire_type::fixed64) return Add(kField, message.get_fixed64(), out);
  if (!Typed(message, kField, pbf_wire_type::length_delimited)) return false;
  const auto items = message.get_packed_fixed64();
  return std::all_of(items.begin(), items.end(), [&](uint64_t count) { return Add(kField, count, out); });
}

bool MetricsReader::ReadVarintCounts(Message& message, std::vector<uint64_t>& out) {
  constexpr const char* kField = "bucket_counts";
  if (message.wire_type() == pbf_wire_type::varint) return Add(kField, message.get_uint64(), out);
  if (!Typed(message, kField, pbf_wire_type::length_delimited)) return false;
  const auto items = message.get_packed_uint64();
  return std::all_of(items.begin(), items.end(), [&](uint64_t count) { return Add(kField, count, out); });
}

bool MetricsReader::ReadBounds(Message& message, std::vector<double>& out) {
  constexpr const char* kField = "explicit_bounds";
  if (message.wire_type() == pbf_wire_type::fixed64) return Add(kField, message.get_double(), out);
  if (!Typed(message, kField, pbf_wire_type::length_delimited)) return false;
  const auto items = message.get_packed_double();
  return std::all_of(items.begin(), items.end(), [&](double bound) { return Add(kField, bound, out); });
}

}  // namespace

Result<std::vector<ResourceMetrics>> DecodeMetrics(std::string_view request, PartialSuccess& rejected) {
  return MetricsReader(request, rejected).ReadAll();
}

}  // namespace beleg::wire::otlp
