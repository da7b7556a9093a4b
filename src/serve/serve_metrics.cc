#include "serve/serve_metrics.h"

#include <fmt/format.h>

namespace beleg::serve {
namespace {

// vLLM's buckets, so that its dashboards read the same.
std::vector<double> FirstTokenBuckets() {
  return {0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75,
          1,     2.5,   5,    7.5,  10,   20,   40,   80,  160,  640, 2560};
}
std::vector<double> OutputTokenBuckets() {
  return {0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80};
}
std::vector<double> LatencyBuckets() {
  return {0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680};
}
std::vector<double> CountBuckets() {
  return {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000};
}
std::vector<double> ChoiceBuckets() { return {1, 2, 5, 10, 20}; }

double Seconds(int64_t us) { return static_cast<double>(us) / 1e6; }

}  // namespace

ServeMetrics::ServeMetrics(MetricRegistry& registry, std::string model_name)
    : registry_(registry),
      labels_{{"engine", "0"}, {"model_name", std::move(model_name)}},
      prompt_tokens_(registry.AddCounter("vllm:prompt_tokens_total", "Prompt tokens processed.", labels_)),
      generation_tokens_(registry.AddCounter("vllm:generation_tokens_total", "Tokens generated.", labels_)),
      cached_tokens_(registry.AddCounter("vllm:prompt_tokens_cached_total",
                                         "Prompt tokens taken from the prefix cache.", labels_)),
      prefix_queries_(registry.AddCounter("vllm:prefix_cache_queries_total",
                                          "Prompt tokens looked up in the prefix cache.", labels_)),
      prefix_hits_(registry.AddCounter("vllm:prefix_cache_hits_total",
                                       "Prompt tokens found in the prefix cache.", labels_)),
      running_(registry.AddGauge("vllm:num_requests_running", "Requests being computed.", labels_)),
      waiting_(registry.AddGauge("vllm:num_requests_waiting", "Requests waiting to be computed.", labels_)),
      kv_cache_usage_(
          registry.AddGauge("vllm:kv_cache_usage_perc", "KV cache in use, 1 means all of it.", labels_)),
      time_to_first_token_(registry.AddHistogram(
          "vllm:time_to_first_token_seconds", "Time to first token, seconds.", FirstTokenBuckets(), labels_)),
      time_per_output_token_(registry.AddHistogram("vllm:request_time_per_output_token_seconds",
                                                   "Mean time between tokens of a request, seconds.",
                                                   OutputTokenBuckets(), labels_)),
      end_to_end_(registry.AddHistogram("vllm:e2e_request_latency_seconds", "Whole request, seconds.",
                                        LatencyBuckets(), labels_)),
      queue_(registry.AddHistogram("vllm:request_queue_time_seconds", "Time waiting, seconds.",
                                   LatencyBuckets(), labels_)),
      prefill_(registry.AddHistogram("vllm:request_prefill_time_seconds", "Time in prefill, seconds.",
                                     LatencyBuckets(), labels_)),
      decode_(registry.AddHistogram("vllm:request_decode_time_seconds", "Time in decode, seconds.",
                                    LatencyBuckets(), labels_)),
      inference_(registry.AddHistogram("vllm:request_inference_time_seconds", "Prefill and decode, seconds.",
                                       LatencyBuckets(), labels_)),
      request_prompt_tokens_(registry.AddHistogram("vllm:request_prompt_tokens",
                                                   "Prompt tokens of a request.", CountBuckets(), labels_)),
      request_generation_tokens_(registry.AddHistogram(
          "vllm:request_generation_tokens", "Generated tokens of a request.", CountBuckets(), labels_)),
      request_n_(
          registry.AddHistogram("vllm:request_params_n", "The parameter n.", ChoiceBuckets(), labels_)),
      request_max_tokens_(registry.AddHistogram("vllm:request_params_max_tokens", "The parameter max_tokens.",
                                                CountBuckets(), labels_)) {}

void ServeMetrics::CountHttp(std::string_view route, std::string_view method, int status) {
  registry_
      .AddCounter("http_requests_total", "HTTP requests by handler, method and status class.",
                  {{"handler", std::string(route)},
                   {"method", method == "GET" || method == "POST" ? std::string(method) : "other"},
                   {"status", fmt::format("{}xx", status / 100)}})
      .Add();
}

void ServeMetrics::CountRequest(const record::Request& request) {
  prompt_tokens_.Add(static_cast<double>(request.input_tokens));
  generation_tokens_.Add(static_cast<double>(request.output_tokens));
  cached_tokens_.Add(static_cast<double>(request.cached_tokens));
  for (const std::string& reason : request.finish_reasons) {
    MetricLabels labels = labels_;
    bool cancelled = request.outcome == record::Outcome::kCancelled;
    labels.emplace_back("finished_reason", cancelled && reason == "error" ? "abort" : reason);
    registry_.AddCounter("vllm:request_success_total", "Requests ended, by finish reason.", labels).Add();
  }
  end_to_end_.Observe(Seconds(request.duration_us));
  if (request.queue_us >= 0) queue_.Observe(Seconds(request.queue_us));
  if (request.prefill_us >= 0) {
    prefill_.Observe(Seconds(request.prefill_us));
    time_to_first_token_.Observe(Seconds(request.queue_us + request.prefill_us));
  }
  if (request.decode_us >= 0) {
    decode_.Observe(Seconds(request.decode_us));
    inference_.Observe(Seconds(request.prefill_us + request.decode_us));
    if (request.output_tokens > 1)
      time_per_output_token_.Observe(Seconds(request.decode_us) /
                                     static_cast<double>(request.output_tokens - 1));
  }
  request_prompt_tokens_.Observe(static_cast<double>(request.input_tokens));
  request_generation_tokens_.Observe(static_cast<double>(request.output_tokens));
  request_n_.Observe(static_cast<double>(request.params.choices));
  request_max_tokens_.Observe(static_cast<double>(request.params.max_tokens));
}

void ServeMetrics::Refresh(const BootId& boot, const AtomicCounters& counters) {
  MutexLock lock(refresh_mutex_);
  registry_
      .AddGauge("beleg_boot_info", "1; the label names the process as its records do.",
                {{"boot", boot.Hex()}})
      .Set(1);
  const auto set = [this](std::string end, int64_t value) {
    Counter& counter =
        registry_.AddCounter("beleg_requests_total", "Requests of this process by what became of them.",
                             {{"end", std::move(end)}});
    counter.Add(static_cast<double>(value) - counter.value());
  };
  set("accepted", counters.accepted);
  set("answered", counters.answered);
  set("failed", counters.failed);
  set("cancelled", counters.cancelled);
  set("refused", counters.refused);
  set("no_room", counters.no_room);
  set("unauthenticated", counters.unauthenticated);
  set("unreadable", counters.unreadable);
  set("unknown_path", counters.unknown_path);
  set("unrecorded", counters.unrecorded);
}

void ServeMetrics::Refresh(const engine::EngineStats& stats) {
  MutexLock lock(refresh_mutex_);
  running_.Set(static_cast<double>(stats.running));
  waiting_.Set(static_cast<double>(stats.waiting));
  kv_cache_usage_.Set(stats.kv_cache_usage);
  prefix_queries_.Add(static_cast<double>(stats.prefix_queried_tokens) - prefix_queries_.value());
  prefix_hits_.Add(static_cast<double>(stats.prefix_hit_tokens) - prefix_hits_.value());
}

}  // namespace beleg::serve
