// Spans of LLM requests as the store's peers were measured with: about 20 attributes a span, 11 on the resource, a little over two
// spans a request, random ids. span_load URL SPANS SPANS_PER_BATCH CONNECTIONS → one line of JSON; batches are made first.

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/rng.h"
#include "base/thread.h"
#include "net/http_client.h"
#include "wire/otlp.h"

namespace beleg {
namespace {

using wire::otlp::Span;

wire::otlp::Attributes Resource() {
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

class Generator {
 public:
  explicit Generator(uint64_t seed) : rng_(seed) {}

  // A SERVER span and, of most requests, a child or two.
  void AddRequest(std::vector<Span>& out) {
    Span server;
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
      Span child = server;
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

int Run(const std::string& url, size_t spans, size_t per_batch, size_t connections) {
  std::vector<std::string> batches;
  Generator generator(1);
  size_t made = 0;
  while (made < spans) {
    wire::otlp::ScopeSpans scope;
    scope.resource = Resource();
    while (scope.spans.size() < per_batch) generator.AddRequest(scope.spans);
    made += scope.spans.size();
    batches.push_back(wire::otlp::EncodeTraces({scope}));
  }
  std::atomic<size_t> next{0}, failed{0}, bytes{0};
  SystemClock clock;
  int64_t begin_us = clock.MonoMicros();
  {
    std::vector<Thread> threads;
    for (size_t i = 0; i < connections; ++i) {
      threads.emplace_back("load", [&](std::stop_token) {
        auto client = net::HttpClient::Open(url);
        for (size_t batch = next++; client && batch < batches.size(); batch = next++) {
          net::HttpRequest request{
              "POST", "", {{"Content-Type", "application/x-protobuf"}}, batches[batch], ""};
          auto answer = (*client)->Send(request);
          if (!answer || answer->status != 200) ++failed;
          bytes += batches[batch].size();
        }
      });
    }
  }
  double seconds = static_cast<double>(clock.MonoMicros() - begin_us) / 1e6;
  std::printf(
      "{\"spans\":%zu,\"batches\":%zu,\"failed\":%zu,\"seconds\":%.3f,\"per_s\":%.0f,\"bytes_per_span\":%zu}"
      "\n",
      made, batches.size(), failed.load(), seconds, static_cast<double>(made) / seconds,
      bytes / std::max<size_t>(made, 1));
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace beleg

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: span_load URL SPANS SPANS_PER_BATCH CONNECTIONS\n");
    return 2;
  }
  auto spans = beleg::ParseUint64(argv[2]), per_batch = beleg::ParseUint64(argv[3]),
       connections = beleg::ParseUint64(argv[4]);
  if (!spans || !per_batch || !connections) {
    std::fprintf(stderr, "span_load: bad argument\n");
    return 2;
  }
  return beleg::Run(argv[1], *spans, *per_batch, *connections);
}
