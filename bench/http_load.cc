// Load of one POST body over kept connections, one a worker.
//
//   http_load URL BODY_FILE WORKERS REQUESTS          closed: each sends its next request when the last answer is whole
//   http_load URL BODY_FILE WORKERS REQUESTS PER_S    open: requests are due evenly, whether or not earlier ones are answered
//
// Prints one line of JSON. A wait begins when the request was due, so that neither a late sender nor a slow server hides one; open
// load stays open while there are fewer requests under way than workers ("late": due while every worker was busy).

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
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

constexpr int64_t kStartAheadMicros = 50'000;  // until all workers wait for their first request

struct Load {
  std::string url, body;
  size_t workers = 1;
  int64_t requests = 0;
  double per_s = 0;  // 0: closed
  int64_t start_us = 0;

  int64_t DueMicros(int64_t number) const {
    return start_us + static_cast<int64_t>(static_cast<double>(number) * 1e6 / per_s);
  }
};

struct Totals {
  Mutex mutex;
  std::vector<int64_t> latencies_us GUARDED_BY(mutex);
  std::atomic<int64_t> next{0}, late{0}, failed{0}, bytes{0};
};

// Monotonic time, as SystemClock::MonoMicros has it.
void SleepUntil(int64_t due_us) {
  const timespec due{due_us / 1'000'000, due_us % 1'000'000 * 1000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, nullptr) != 0) {}
}

void Work(const Load& load, Totals& totals) {
  auto client = net::HttpClient::Open(load.url);
  if (!client) return;
  const SystemClock clock;
  std::vector<int64_t> latencies_us;
  const net::HttpRequest request{"POST", "", {{"Content-Type", "application/json"}}, load.body, ""};
  for (int64_t number; (number = totals.next++) < load.requests;) {
    int64_t due_us = clock.MonoMicros();
    if (load.per_s > 0) {
      if (load.DueMicros(number) < due_us) ++totals.late;
      due_us = load.DueMicros(number);
      SleepUntil(due_us);
    }
    auto answer = (*client)->Send(request);
    latencies_us.push_back(clock.MonoMicros() - due_us);
    if (!answer || answer->status != 200) ++totals.failed;
    if (answer) totals.bytes += static_cast<int64_t>(answer->body.size());
  }
  MutexLock lock(totals.mutex);
  totals.latencies_us.insert(totals.latencies_us.end(), latencies_us.begin(), latencies_us.end());
}

int Run(Load load) {
  Totals totals;
  const SystemClock clock;
  load.start_us = clock.MonoMicros() + (load.per_s > 0 ? kStartAheadMicros : 0);
  {
    std::vector<Thread> threads;
    for (size_t i = 0; i < load.workers; ++i)
      threads.emplace_back("load", [&](std::stop_token) { Work(load, totals); });
  }
  const double seconds = static_cast<double>(clock.MonoMicros() - load.start_us) / 1e6;
  MutexLock lock(totals.mutex);
  std::vector<int64_t>& sorted = totals.latencies_us;
  std::ranges::sort(sorted);
  auto at = [&sorted](size_t percent) {
    return sorted.empty() ? 0 : sorted[(sorted.size() - 1) * percent / 100];
  };
  std::printf(
      "{\"requests\":%zu,\"failed\":%ld,\"late\":%ld,\"seconds\":%.3f,\"per_s\":%.1f,\"p50_us\":%ld,\"p99_"
      "us\":%ld,"
      "\"bytes\":%ld}\n",
      sorted.size(), totals.failed.load(), totals.late.load(), seconds,
      static_cast<double>(sorted.size()) / seconds, at(50), at(99), totals.bytes.load());
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace beleg

int main(int argc, char** argv) {
  if (argc != 5 && argc != 6) {
    std::fprintf(stderr, "usage: http_load URL BODY_FILE WORKERS REQUESTS [PER_S]\n");
    return 2;
  }
  auto body = beleg::io::ReadFile(beleg::io::PosixFileSystem(), argv[2]);
  auto workers = beleg::ParseUint64(argv[3]);
  auto requests = beleg::ParseInt64(argv[4]);
  auto per_s = beleg::ParseUint64(argc == 6 ? argv[5] : "0");
  if (!body || !workers || !requests || !per_s) {
    std::fprintf(stderr, "http_load: bad argument\n");
    return 2;
  }
  ::prctl(PR_SET_TIMERSLACK, 1);  // the kernel may else wake a worker 50 us after its request was due
  return beleg::Run({argv[1], *body, *workers, *requests, static_cast<double>(*per_s)});
}
