// Counters, gauges and histograms, rendered as Prometheus text (exposition format 0.0.4).
//
// A family is made once at start and lives as long as its registry; Add, Set and Observe are lock-free and safe from
// any thread. Label values are given at creation and escaped on output: nothing a client sends may become one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace beleg {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void Add(double amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  // bounds: ascending upper limits; +Inf is added.
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);
  double count() const;

 private:
  friend class MetricRegistry;
  const std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> buckets_;  // bounds_.size() + 1
  std::atomic<double> sum_{0};
};

class MetricRegistry {
 public:
  MetricRegistry();
  ~MetricRegistry();
  MetricRegistry(const MetricRegistry&) = delete;
  MetricRegistry& operator=(const MetricRegistry&) = delete;

  // The metric of this name and these labels; made on the first call. Same name, same help and kind each time.
  Counter& AddCounter(std::string name, std::string help, MetricLabels labels = {});
  Gauge& AddGauge(std::string name, std::string help, MetricLabels labels = {});
  Histogram& AddHistogram(std::string name, std::string help, std::vector<double> bounds,
                          MetricLabels labels = {});

  // The whole registry, families in order of creation.
  std::string RenderPrometheus() const;

 private:
  struct Child;
  struct Family;
  Family& FamilyOf(std::string name, std::string help, std::string_view kind) REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::vector<std::unique_ptr<Family>> families_ GUARDED_BY(mutex_);
};

}  // namespace beleg
