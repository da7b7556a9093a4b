// What stands on both sides of a collector: callers of its gRPC receiver, and the backend that counts what comes out.
//   collector_load TARGET BACKEND_PORT SPANS SPANS_PER_REQUEST CALLERS   one line of JSON, once all spans came out
// Requests are made first and sent again and again; each caller has a connection and one call at a time.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "bench/span_maker.h"
#include "net/grpc_client.h"
#include "net/grpc_server.h"

namespace beleg::bench {
namespace {

constexpr size_t kRequestsMade = 64;
constexpr size_t kBackendMessageBytesMax = 64 << 20;
constexpr int64_t kDrainLimitUs = 60'000'000;

struct Backend {
  std::atomic<uint64_t> spans{0}, requests{0};
  std::unique_ptr<net::GrpcServer> server;
};

net::Awaitable<net::GrpcReply> Take(Backend* backend, net::GrpcCall call) {
  backend->spans += wire::otlp::CountSpans(call.message).value_or(0);
  ++backend->requests;
  co_return net::GrpcReply();
}

Result<void> Listen(Backend& backend, uint16_t port) {
  net::GrpcServerOptions options;
  options.listen.port = port;
  options.message_bytes_max = kBackendMessageBytesMax;
  auto take = [&backend](net::GrpcCall call) { return Take(&backend, std::move(call)); };
  TRY_ASSIGN(backend.server, net::GrpcServer::Listen(options, take));
  return {};
}

struct Totals {
  Mutex mutex;
  std::vector<int64_t> latencies_us GUARDED_BY(mutex);
  std::atomic<int64_t> left{0};  // requests
  std::atomic<uint64_t> refused{0};
};

void Call(const std::string& target, const std::vector<std::string>& requests, Totals& totals) {
  constexpr const char* kMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
  auto client = net::GrpcClient::Open(target);
  SystemClock clock;
  std::vector<int64_t> latencies_us;
  for (int64_t next = 0; client && (next = totals.left--) > 0;) {
    const std::string& request = requests[static_cast<size_t>(next) % requests.size()];
    int64_t begin_us = clock.MonoMicros();
    for (bool taken = false; !taken;) {  // a full queue refuses; what was refused is sent again
      auto reply = (*client)->Call(kMethod, {}, request);
      taken = reply && reply->status.ok();
      totals.refused += taken ? 0 : 1;
    }
    latencies_us.push_back(clock.MonoMicros() - begin_us);
  }
  MutexLock lock(totals.mutex);
  totals.latencies_us.insert(totals.latencies_us.end(), latencies_us.begin(), latencies_us.end());
}

int Run(const std::string& target, uint16_t port, size_t spans, size_t per_request, size_t callers) {
  Backend backend;
  if (Result<void> listening = Listen(backend, port); !listening)
    return std::fprintf(stderr, "collector_load: %s\n", listening.error().message.c_str()), 1;
  SpanMaker maker(1);
  std::vector<std::string> requests;
  while (requests.size() < kRequestsMade) requests.push_back(MakeRequest(maker, per_request));
  Totals totals;
  totals.left = static_cast<int64_t>(spans / per_request);
  const uint64_t expected = spans / per_request * per_request;
  SystemClock clock;
  int64_t begin_us = clock.MonoMicros();
  {
    std::vector<Thread> threads;
    for (size_t i = 0; i < callers; ++i)
      threads.emplace_back("load", [&](const std::stop_token&) { Call(target, requests, totals); });
  }
  const int64_t sent_us = clock.MonoMicros();
  const double seconds = static_cast<double>(sent_us - begin_us) / 1e6;
  while (backend.spans < expected && clock.MonoMicros() - sent_us < kDrainLimitUs)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  MutexLock lock(totals.mutex);
  std::vector<int64_t>& sorted = totals.latencies_us;
  std::ranges::sort(sorted);
  auto at = [&sorted](size_t percent) {
    return sorted.empty() ? 0 : sorted[(sorted.size() - 1) * percent / 100];
  };
  std::printf(
      "{\"spans\":%lu,\"delivered\":%lu,\"batches\":%lu,\"refused\":%lu,\"per_s\":%.0f,\"p50_us\":%ld,"
      "\"p99_us\":%ld}\n",
      expected, backend.spans.load(), backend.requests.load(), totals.refused.load(),
      static_cast<double>(expected) / seconds, at(50), at(99));
  return backend.spans == expected ? 0 : 1;
}

}  // namespace
}  // namespace beleg::bench

int main(int argc, char** argv) {
  std::optional<uint64_t> numbers[4];
  for (int i = 0; argc == 6 && i < 4; ++i)
    if (auto number = beleg::ParseUint64(argv[i + 2])) numbers[i] = *number;
  if (std::ranges::any_of(numbers, [](const auto& number) { return !number || *number == 0; }))
    return std::fprintf(stderr,
                        "usage: collector_load TARGET BACKEND_PORT SPANS SPANS_PER_REQUEST CALLERS\n"),
           2;
  return beleg::bench::Run(argv[1], static_cast<uint16_t>(*numbers[0]), *numbers[1], *numbers[2],
                           *numbers[3]);
}
