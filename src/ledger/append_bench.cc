// How many durable appends a second, and how long one waits, beside the disk's own write and fdatasync in the same folder.
//
//   ledger_bench [FOLDER [SECONDS [BYTES]]]
//
// Prints one JSON line. "closed": so many appends are always under way. "half_rate": appends come evenly at half the 10,000 a second
// that the ledger is to reach, so the wait is the ledger's and not that of its own queue.
#include <algorithm>
#include <deque>
#include <filesystem>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"
#include "io/testing.h"
#include "ledger/ledger.h"

namespace beleg::ledger {
namespace {

struct Waits {
  std::vector<int64_t> us;
  int64_t At(double share) {
    if (us.empty()) return 0;
    std::ranges::sort(us);
    return us[std::min(us.size() - 1, static_cast<size_t>(share * static_cast<double>(us.size())))];
  }
  std::string Json(double seconds) {
    return fmt::format(R"("per_s":{:.0f},"p50_us":{},"p99_us":{},"max_us":{})",
                       static_cast<double>(us.size()) / seconds, At(0.5), At(0.99), At(1));
  }
};

const SystemClock kClock;
constexpr double kHalfRate = 5'000;

Waits MeasureDisk(const std::string& path, int64_t micros, size_t bytes) {
  auto file = io::PosixFileSystem().Open(path, io::OpenMode::kCreate).value();
  const std::string block(bytes, 'x');
  CHECK(file->Allocate(0, 64 << 20), "no room for the measurement");
  CHECK(file->Sync(), "sync");
  Waits waits;
  const int64_t end_us = kClock.MonoMicros() + micros;
  for (uint64_t i = 0; kClock.MonoMicros() < end_us; ++i) {
    const int64_t start_us = kClock.MonoMicros();
    CHECK(file->WriteAt(i * bytes % (60 << 20), block) && file->Sync(), "write and sync");
    waits.us.push_back(kClock.MonoMicros() - start_us);
  }
  return waits;
}

// Sends appends and notes how long each took.
class Load {
 public:
  Load(Ledger& ledger, size_t bytes) : ledger_(ledger), leaf_(bytes, 'x') {}

  Waits Closed(size_t in_flight, int64_t micros) {
    const int64_t end_us = kClock.MonoMicros() + micros;
    while (kClock.MonoMicros() < end_us) {
      WaitBelow(in_flight);
      Send(kClock.MonoMicros());
    }
    return Finish();
  }

  Waits AtRate(double per_s, int64_t micros) {
    const int64_t start_us = kClock.MonoMicros();
    for (int64_t i = 0;; ++i) {
      const int64_t due_us = start_us + static_cast<int64_t>(static_cast<double>(i) * 1e6 / per_s);
      if (due_us > start_us + micros) break;
      SleepUntil(due_us);
      Send(due_us);
    }
    return Finish();
  }

 private:
  void Send(int64_t from_us) {
    {
      MutexLock lock(mutex_);
      ++in_flight_;
    }
    ledger_.Append(leaf_, [this, from_us](Result<FinishReceipt> receipt) {
      CHECK(receipt, "an append failed");
      MutexLock lock(mutex_);
      waits_.us.push_back(kClock.MonoMicros() - from_us);
      --in_flight_;
      changed_.NotifyOne();
    });
  }
  void WaitBelow(size_t limit) {
    MutexLock lock(mutex_);
    while (in_flight_ >= limit) changed_.Wait(mutex_);
  }
  void SleepUntil(int64_t due_us) {
    MutexLock lock(mutex_);
    while (kClock.MonoMicros() < due_us)
      changed_.WaitFor(mutex_, std::chrono::microseconds(due_us - kClock.MonoMicros()));
  }
  Waits Finish() {
    WaitBelow(1);
    MutexLock lock(mutex_);
    return std::exchange(waits_, {});
  }

  Ledger& ledger_;
  const std::string leaf_;
  Mutex mutex_;
  CondVar changed_;
  size_t in_flight_ GUARDED_BY(mutex_) = 0;
  Waits waits_ GUARDED_BY(mutex_);
};

void Run(const std::string& folder, double seconds, size_t bytes) {
  const int64_t micros = static_cast<int64_t>(seconds * 1e6);
  std::filesystem::create_directories(folder);
  Waits disk = MeasureDisk(folder + "/disk", micros, 4096);
  LedgerOptions options;
  options.dir = folder + "/log";
  auto ledger = Ledger::Open(options).value();
  Load load(*ledger, bytes);
  std::string closed;
  for (size_t in_flight : {1, 8, 64, 512}) {
    Waits waits = load.Closed(in_flight, micros);
    closed +=
        fmt::format("{}{{\"in_flight\":{},{}}}", closed.empty() ? "" : ",", in_flight, waits.Json(seconds));
  }
  Waits half = load.AtRate(kHalfRate, micros);
  fmt::print(
      "{{\"bench\":\"ledger_append\",\"record_bytes\":{},\"disk_fdatasync\":{{{}}},\"closed\":[{}],\"half_"
      "rate\":{{{}}}}}\n",
      bytes, disk.Json(seconds), closed, half.Json(seconds));
}

}  // namespace
}  // namespace beleg::ledger

int main(int argc, char** argv) {
  beleg::SetLogLevel("warn");
  beleg::io::TempFolder temporary;
  const double seconds = argc > 2 ? static_cast<double>(beleg::ParseUint64(argv[2]).value()) : 1;
  const size_t bytes = argc > 3 ? beleg::ParseUint64(argv[3]).value() : 700;
  beleg::ledger::Run(argc > 1 ? argv[1] : temporary.path(), seconds, bytes);
}
