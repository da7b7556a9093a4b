// The ledger's metrics.
#pragma once

#include <memory>

#include "base/metrics.h"

namespace beleg::ledger {

class Probe {
 public:
  // null: the numbers go into a registry that nobody reads.
  explicit Probe(MetricRegistry* registry);

 private:
  const std::unique_ptr<MetricRegistry> own_registry_;
  MetricRegistry& registry_;

 public:
  Counter& leaves;
  Counter& groups;
  Counter& refused;
  Histogram& group_size;
  Histogram& fsync_seconds;
  Histogram& publish_seconds;
  Gauge& open_requests;
  Gauge& wal_bytes;
  Gauge& size;
  Gauge& published_size;
};

}  // namespace beleg::ledger
