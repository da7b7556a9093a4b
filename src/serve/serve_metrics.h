// The server's metrics: vLLM's names for what both have, beleg_* for the rest.
#pragma once

#include <string>
#include <string_view>

#include "base/metrics.h"
#include "engine/engine.h"
#include "record/audit_record.h"
#include "serve/audit_trail.h"

namespace beleg::serve {

class ServeMetrics {
 public:
  ServeMetrics(MetricRegistry& registry, std::string model_name);

  // route is one of our own constants, never what a client sent.
  void CountHttp(std::string_view route, std::string_view method, int status);
  void CountRequest(const record::Request& request);
  // Gauges that are read when somebody asks.
  void Refresh(const engine::EngineStats& stats);
  // What an auditor compares with the log: the same counters that heartbeats carry, from outside of it.
  void Refresh(const BootId& boot, const AtomicCounters& counters);

 private:
  MetricRegistry& registry_;
  Mutex refresh_mutex_;  // one Refresh at a time: it adds what a counter lacks
  MetricLabels labels_;
  Counter &prompt_tokens_, &generation_tokens_, &cached_tokens_, &prefix_queries_, &prefix_hits_;
  Gauge &running_, &waiting_, &kv_cache_usage_;
  Histogram &time_to_first_token_, &time_per_output_token_, &end_to_end_, &queue_, &prefill_, &decode_,
      &inference_;
  Histogram &request_prompt_tokens_, &request_generation_tokens_, &request_n_, &request_max_tokens_;
};

}  // namespace beleg::serve
