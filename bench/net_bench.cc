// What a unary gRPC call costs: our client against our server in one process, so CPU time is that of both ends.
//   net_bench [SECONDS]   prints a line for each size and number of callers
#include <sys/resource.h>

#include <atomic>
#include <cstdio>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/thread.h"
#include "net/grpc_client.h"
#include "net/grpc_server.h"

namespace beleg::net {
namespace {

int64_t CpuMicros() {
  ::rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  auto micros = [](const ::timeval& time) { return int64_t{time.tv_sec} * 1'000'000 + time.tv_usec; };
  return micros(usage.ru_utime) + micros(usage.ru_stime);
}

// As a receiver of OTLP does: takes the bytes, answers almost nothing.
Awaitable<GrpcReply> Take(GrpcCall call) {
  GrpcReply reply;
  reply.message = call.message.empty() ? "" : std::string("\x0a\0", 2);
  co_return reply;
}

int Measure(uint16_t port, size_t bytes, size_t callers, int64_t limit_us) {
  auto client = GrpcClient::Open(fmt::format("127.0.0.1:{}", port));
  if (!client) return 1;
  const std::string message(bytes, 'm');
  std::atomic<size_t> calls = 0, failures = 0;
  SystemClock clock;
  int64_t cpu_before = CpuMicros(), begin = clock.MonoMicros();
  {
    std::vector<Thread> threads;
    for (size_t i = 0; i < callers; ++i) {
      threads.emplace_back("caller", [&](const std::stop_token&) {
        while (clock.MonoMicros() - begin < limit_us) {
          auto reply = (*client)->Call("/bench.Sink/Export", {}, message);
          calls.fetch_add(1, std::memory_order_relaxed);
          if (!reply || !reply->status.ok()) failures.fetch_add(1);
        }
      });
    }
  }
  double wall = static_cast<double>(clock.MonoMicros() - begin),
         cpu = static_cast<double>(CpuMicros() - cpu_before);
  double count = static_cast<double>(calls);
  std::printf("%7zu bytes  %3zu callers  %9.1f us/call  %9.1f us CPU/call  %9.0f calls/s  %zu failed\n",
              bytes, callers, wall / count, cpu / count, count / wall * 1e6, failures.load());
  return failures == 0 ? 0 : 1;
}

int Run(int64_t limit_us) {
  auto server = GrpcServer::Listen({}, &Take);
  if (!server) return std::fprintf(stderr, "%s\n", server.error().message.c_str()), 1;
  int failed = 0;
  for (size_t bytes : {1'000ul, 400'000ul}) {
    for (size_t callers : {1ul, 16ul, 128ul}) failed |= Measure((*server)->port(), bytes, callers, limit_us);
  }
  return failed;
}

}  // namespace
}  // namespace beleg::net

int main(int argc, char** argv) {
  auto seconds = beleg::ParseUint64(argc > 1 ? argv[1] : "2");
  if (!seconds) return std::fprintf(stderr, "usage: net_bench [SECONDS]\n"), 2;
  return beleg::net::Run(static_cast<int64_t>(*seconds) * 1'000'000);
}
