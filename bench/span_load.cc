// Spans for the store over OTLP/HTTP. span_load URL SPANS SPANS_PER_BATCH CONNECTIONS → one line of JSON; batches are made first.

#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/thread.h"
#include "bench/span_maker.h"
#include "net/http_client.h"

namespace beleg {
namespace {

int Run(const std::string& url, size_t spans, size_t per_batch, size_t connections) {
  std::vector<std::string> batches;
  bench::SpanMaker maker(1);
  size_t made = 0;
  for (; made < spans; made += per_batch) batches.push_back(bench::MakeRequest(maker, per_batch));
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
