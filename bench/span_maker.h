// Spans of LLM requests as the peers of store and collector were measured with: about 20 attributes a span, 11 on the
// resource, a little over two spans a request, random ids.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "wire/otlp.h"

namespace beleg::bench {

inline wire::otlp::Attributes Resource() {
  return {{"service.name", "vllm"},
          {"service.version", "0.32.0"},
          {"service.instance.id", "a1b2c3d4"},
          {"deployment.region", "nbg1"},
          {"deployment.environment", "production"},
          {"host.name", "gpu-1"},
          {"telemetry.sdk.name", "opentelemetry"},
          {"telemetry.sdk.language", "python"},
          {"telemetry.sdk.version", "1.45.2"},
          {"process.pid", int64_t{4711}},
          {"cloud.provider", "hetzner"}};
}

class SpanMaker {
 public:
  explicit SpanMaker(uint64_t seed) : rng_(seed) {}

  // A SERVER span and, of most requests, a child or two.
  void AddRequest(std::vector<wire::otlp::Span>& out) {
    wire::otlp::Span server;
    server.trace_id = {rng_.Draw<std::array<uint8_t, 16>>()};
    server.span_id = {rng_.Draw<std::array<uint8_t, 8>>()};
    server.name = "chat llama-3.1-8b";
    server.kind = wire::otlp::SpanKind::kServer;
    server.start_unix_ns = now_ns_ += 100'000'000;
    server.end_unix_ns = server.start_unix_ns + static_cast<int64_t>(rng_.Next() % 5'000'000'000);
    int64_t input = static_cast<int64_t>(rng_.Next() % 4000),
            output = static_cast<int64_t>(rng_.Next() % 800);
    double seconds = static_cast<double>(server.end_unix_ns - server.start_unix_ns) / 1e9;
    server.attributes = {{"gen_ai.operation.name", "chat"},
                         {"gen_ai.system", "vllm"},
                         {"gen_ai.request.model", kModels[rng_.Next() % 5]},
                         {"gen_ai.model.id", kModels[rng_.Next() % 5]},
                         {"gen_ai.request.max_tokens", int64_t{512}},
                         {"gen_ai.request.temperature", 0.7},
                         {"gen_ai.request.top_p", 0.95},
                         {"gen_ai.request.n", int64_t{1}},
                         {"gen_ai.response.id", "chatcmpl-" + server.trace_id.Hex()},
                         {"gen_ai.response.finish_reasons", std::vector<wire::otlp::Value>{"stop"}},
                         {"gen_ai.usage.prompt_tokens", input},
                         {"gen_ai.usage.completion_tokens", output},
                         {"gen_ai.latency.time_to_first_token", seconds * 0.1},
                         {"gen_ai.latency.e2e", seconds},
                         {"gen_ai.latency.time_in_queue", seconds * 0.01},
                         {"gen_ai.latency.time_in_model_prefill", seconds * 0.09},
                         {"gen_ai.latency.time_in_model_decode", seconds * 0.9},
                         {"user.id", "user-" + std::to_string(rng_.Next() % 50)},
                         {"app.name", "app-" + std::to_string(rng_.Next() % 50)},
                         {"http.response.status_code", int64_t{200}}};
    size_t children = 1 + (rng_.Next() % 10 == 0 ? 1 : 0);
    out.push_back(server);
    for (size_t i = 0; i < children; ++i) {
      wire::otlp::Span child = server;
      child.parent_span_id = server.span_id;
      child.span_id = {rng_.Draw<std::array<uint8_t, 8>>()};
      child.name = i == 0 ? "decode" : "prefill";
      child.kind = wire::otlp::SpanKind::kInternal;
      out.push_back(std::move(child));
    }
  }

 private:
  static constexpr const char* kModels[] = {"llama-3.1-8b", "mistral-7b", "qwen-2.5-14b", "gemma-2-9b",
                                            "phi-4"};
  SeededRng rng_;
  int64_t now_ns_ = 1'763'683'200'000'000'000;
};

// A request of so many spans, encoded.
inline std::string MakeRequest(SpanMaker& maker, size_t spans) {
  wire::otlp::ScopeSpans scope;
  scope.resource = Resource();
  while (scope.spans.size() < spans) maker.AddRequest(scope.spans);
  scope.spans.resize(spans);
  return wire::otlp::EncodeTraces({scope});
}

}  // namespace beleg::bench
