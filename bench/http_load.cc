// Closed-loop load of one POST body: WORKERS connections, each sends its next request when the last answer is whole.
// http_load URL BODY_FILE WORKERS REQUESTS → one line of JSON.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "io/file.h"
#include "net/http_client.h"

namespace beleg {
namespace {

struct Totals {
  Mutex mutex;
  std::vector<int64_t> latencies_us GUARDED_BY(mutex);
  std::atomic<int64_t> left{0}, failed{0}, bytes{0};
};

void Work(const std::string& url, const std::string& body, Totals& totals) {
  auto client = net::HttpClient::Open(url);
  if (!client) return;
  SystemClock clock;
  std::vector<int64_t> latencies_us;
  net::HttpRequest request{"POST", "", {{"Content-Type", "application/json"}}, body, ""};
  while (totals.left-- > 0) {
    int64_t begin_us = clock.MonoMicros();
    auto answer = (*client)->Send(request);
    latencies_us.push_back(clock.MonoMicros() - begin_us);
    if (!answer || answer->status != 200) ++totals.failed;
    if (answer) totals.bytes += static_cast<int64_t>(answer->body.size());
  }
  MutexLock lock(totals.mutex);
  totals.latencies_us.insert(totals.latencies_us.end(), latencies_us.begin(), latencies_us.end());
}

int Run(const std::string& url, const std::string& body, size_t workers, int64_t requests) {
  Totals totals;
  totals.left = requests;
  SystemClock clock;
  int64_t begin_us = clock.MonoMicros();
  {
    std::vector<Thread> threads;
    for (size_t i = 0; i < workers; ++i)
      threads.emplace_back("load", [&](std::stop_token) { Work(url, body, totals); });
  }
  double seconds = static_cast<double>(clock.MonoMicros() - begin_us) / 1e6;
  MutexLock lock(totals.mutex);
  std::vector<int64_t>& sorted = totals.latencies_us;
  std::ranges::sort(sorted);
  auto at = [&sorted](size_t percent) {
    return sorted.empty() ? 0 : sorted[(sorted.size() - 1) * percent / 100];
  };
  std::printf(
      "{\"requests\":%zu,\"failed\":%ld,\"seconds\":%.3f,\"per_s\":%.1f,\"p50_us\":%ld,\"p99_us\":%ld,"
      "\"bytes\":%ld}\n",
      sorted.size(), totals.failed.load(), seconds, static_cast<double>(sorted.size()) / seconds, at(50),
      at(99), totals.bytes.load());
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace beleg

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: http_load URL BODY_FILE WORKERS REQUESTS\n");
    return 2;
  }
  auto body = beleg::io::ReadFile(beleg::io::PosixFileSystem(), argv[2]);
  auto workers = beleg::ParseUint64(argv[3]);
  auto requests = beleg::ParseInt64(argv[4]);
  if (!body || !workers || !requests) {
    std::fprintf(stderr, "http_load: bad argument\n");
    return 2;
  }
  return beleg::Run(argv[1], *body, *workers, *requests);
}
