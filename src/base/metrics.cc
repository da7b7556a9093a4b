#include "base/metrics.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

#include "base/check.h"

namespace beleg {
namespace {

std::string Escape(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

// {a="b",le="0.5"} or nothing.
std::string LabelText(const MetricLabels& labels, std::string_view le = "") {
  std::string inside;
  for (const auto& [name, value] : labels)
    inside += fmt::format("{}{}=\"{}\"", inside.empty() ? "" : ",", name, Escape(value));
  if (!le.empty()) inside += fmt::format("{}le=\"{}\"", inside.empty() ? "" : ",", le);
  return inside.empty() ? inside : "{" + inside + "}";
}

}  // namespace

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), buckets_(std::make_unique<std::atomic<uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::Observe(double value) {
  auto place = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  buckets_[static_cast<size_t>(place)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

double Histogram::count() const {
  uint64_t sum = 0;
  for (size_t i = 0; i <= bounds_.size(); ++i) sum += buckets_[i].load(std::memory_order_relaxed);
  return static_cast<double>(sum);
}

struct MetricRegistry::Child {
  MetricLabels labels;
  std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>> metric;
};

struct MetricRegistry::Family {
  std::string name, help, kind;
  std::vector<Child> children;

  template <class Metric, class... Args>
  Metric& Get(MetricLabels labels, Args&&... args) {
    for (Child& child : children)
      if (child.labels == labels) return *std::get<std::unique_ptr<Metric>>(child.metric);
    children.push_back({std::move(labels), std::make_unique<Metric>(std::forward<Args>(args)...)});
    return *std::get<std::unique_ptr<Metric>>(children.back().metric);
  }
};

MetricRegistry::MetricRegistry() = default;
MetricRegistry::~MetricRegistry() = default;

MetricRegistry::Family& MetricRegistry::FamilyOf(std::string name, std::string help, std::string_view kind) {
  for (auto& family : families_) {
    if (family->name != name) continue;
    CHECK(family->kind == kind, "one metric name with two kinds");
    return *family;
  }
  families_.push_back(
      std::make_unique<Family>(Family{std::move(name), std::move(help), std::string(kind), {}}));
  return *families_.back();
}

Counter& MetricRegistry::AddCounter(std::string name, std::string help, MetricLabels labels) {
  MutexLock lock(mutex_);
  return FamilyOf(std::move(name), std::move(help), "counter").Get<Counter>(std::move(labels));
}

Gauge& MetricRegistry::AddGauge(std::string name, std::string help, MetricLabels labels) {
  MutexLock lock(mutex_);
  return FamilyOf(std::move(name), std::move(help), "gauge").Get<Gauge>(std::move(labels));
}

Histogram& MetricRegistry::AddHistogram(std::string name, std::string help, std::vector<double> bounds,
                                        MetricLabels labels) {
  MutexLock lock(mutex_);
  return FamilyOf(std::move(name), std::move(help), "histogram")
      .Get<Histogram>(std::move(labels), std::move(bounds));
}

std::string MetricRegistry::RenderPrometheus() const {
  std::string out;
  MutexLock lock(mutex_);
  for (const auto& family : families_) {
    out +=
        fmt::format("# HELP {} {}\n# TYPE {} {}\n", family->name, family->help, family->name, family->kind);
    for (const Child& child : family->children) {
      std::string labels = LabelText(child.labels);
      if (auto* counter = std::get_if<std::unique_ptr<Counter>>(&child.metric)) {
        out += fmt::format("{}{} {}\n", family->name, labels, (*counter)->value());
      } else if (auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&child.metric)) {
        out += fmt::format("{}{} {}\n", family->name, labels, (*gauge)->value());
      } else {
        const Histogram& histogram = *std::get<std::unique_ptr<Histogram>>(child.metric);
        uint64_t running = 0;
        for (size_t i = 0; i <= histogram.bounds_.size(); ++i) {
          running += histogram.buckets_[i].load(std::memory_order_relaxed);
          std::string le = i < histogram.bounds_.size() ? fmt::format("{}", histogram.bounds_[i]) : "+Inf";
          out += fmt::format("{}_bucket{} {}\n", family->name, LabelText(child.labels, le), running);
        }
        out += fmt::format("{}_sum{} {}\n{}_count{} {}\n", family->name, labels, histogram.sum_.load(),
                           family->name, labels, running);
      }
    }
  }
  return out;
}

}  // namespace beleg
