// How many durable appends a second and how long one waits, or the disk's own write and fdatasync in the same folder.
//
//   ledger_bench disk    FOLDER SECONDS BYTES [PER_S]      one write and fdatasync after the other, or evenly; CPU: theirs alone
//   ledger_bench closed  FOLDER SECONDS BYTES IN_FLIGHT    so many appends are always under way, until answered
//   ledger_bench covered FOLDER SECONDS BYTES IN_FLIGHT    the same, until a signed checkpoint covers them; one each 100 ms
//   ledger_bench rate    FOLDER SECONDS BYTES PER_S        appends come evenly, whether or not earlier ones are answered
//
// FOLDER must not exist. Prints one JSON line. A wait begins when the append was due, so a late sender hides nothing. After the
// load the log is read back: "order_kept" says that its leaves are the appends in the order of sending, answered in that order.
#include <algorithm>
#include <chrono>
#include <ctime>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "io/file.h"
#include "ledger/ledger.h"

namespace beleg::ledger {
namespace {

const SystemClock kClock;
constexpr uint64_t kDiskFileBytes = 64 << 20;
constexpr size_t kNumberBytes = 20;  // each leaf begins with the number of its append
constexpr std::chrono::milliseconds kCheckpointInterval{100};  // in "covered": the least that Tessera takes
constexpr std::chrono::milliseconds kCheckpointPoll{5};

struct Waits {
  std::vector<int64_t> us;
  int64_t At(double share) const {  // us is sorted
    if (us.empty()) return 0;
    return us[std::min(us.size() - 1, static_cast<size_t>(share * static_cast<double>(us.size())))];
  }
  std::string Json(int64_t micros) {
    std::ranges::sort(us);
    return fmt::format(R"("per_s":{:.0f},"p50_us":{},"p99_us":{},"max_us":{})",
                       static_cast<double>(us.size()) * 1e6 / static_cast<double>(micros), At(0.5), At(0.99),
                       At(1));
  }
};

// Real time; wakes early for nothing.
void SleepUntil(int64_t due_us) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  while (never.WaitUntil(mutex, due_us)) {}
}

// When the i-th of so many a second is due.
int64_t DueMicros(int64_t start_us, int64_t i, uint64_t per_s) {
  return start_us + static_cast<int64_t>(static_cast<double>(i) * 1e6 / static_cast<double>(per_s));
}

double CpuMicros() { return static_cast<double>(std::clock()) * 1e6 / CLOCKS_PER_SEC; }

// per_s 0: without a pause.
void MeasureDisk(const std::string& folder, int64_t micros, size_t bytes, uint64_t per_s) {
  auto file = io::PosixFileSystem().Open(folder + "/disk", io::OpenMode::kCreate).value();
  const std::string block(bytes, 'x');
  CHECK(file->Allocate(0, kDiskFileBytes), "no room for the measurement");
  CHECK(file->Sync(), "sync");
  Waits waits;
  double cpu_us = 0;
  const int64_t begin_us = kClock.MonoMicros();
  for (uint64_t at = 0; kClock.MonoMicros() < begin_us + micros;
       at = (at + bytes) % (kDiskFileBytes - bytes)) {
    if (per_s > 0) SleepUntil(DueMicros(begin_us, static_cast<int64_t>(waits.us.size()), per_s));
    const int64_t start_us = kClock.MonoMicros();
    const double start_cpu_us = CpuMicros();
    CHECK(file->WriteAt(at, block) && file->Sync(), "write and sync");
    cpu_us += CpuMicros() - start_cpu_us;
    waits.us.push_back(kClock.MonoMicros() - start_us);
  }
  const auto count = static_cast<double>(waits.us.size());
  fmt::print("{{\"bench\":\"disk\",\"bytes\":{},{},\"cpu_us\":{:.1f}}}\n", bytes,
             waits.Json(kClock.MonoMicros() - begin_us), cpu_us / count);
}

// Sends appends from one thread and notes how long each took and in which order they were answered.
class Load {
 public:
  Load(Ledger& ledger, size_t bytes) : ledger_(ledger), filler_(bytes - kNumberBytes, 'x') {}

  void Closed(size_t in_flight, int64_t micros) {
    const int64_t end_us = kClock.MonoMicros() + micros;
    while (kClock.MonoMicros() < end_us) {
      WaitBelow(in_flight);
      Send(kClock.MonoMicros());
    }
    WaitBelow(1);
  }

  void Covered(size_t in_flight, int64_t micros) {
    until_covered_ = true;
    Thread watch("checkpoints", [this](std::stop_token stop) {
      for (uint64_t size = 0; !stop.stop_requested();) {
        size = ledger_.WaitForCheckpoint(size + 1, kCheckpointPoll);
        EndBelow(size);
      }
    });
    Closed(in_flight, micros);
  }

  void AtRate(uint64_t per_s, int64_t micros) {
    const int64_t start_us = kClock.MonoMicros();
    for (int64_t i = 0;; ++i) {
      const int64_t due_us = DueMicros(start_us, i, per_s);
      if (due_us > start_us + micros) break;
      SleepUntil(due_us);
      Send(due_us);
    }
    WaitBelow(1);
  }

  // After the load.
  Waits& waits() { return waits_; }
  uint64_t refused() const { return refused_; }
  bool OrderKept();

 private:
  void Send(int64_t from_us) {
    {
      MutexLock lock(mutex_);
      ++in_flight_;
    }
    const uint64_t number = sent_++;
    ledger_.Append(
        fmt::format("{:0{}}{}", number, kNumberBytes, filler_),
        [this, from_us, number](Result<FinishReceipt> receipt) { Answered(from_us, number, receipt); });
  }
  void Answered(int64_t from_us, uint64_t number, const Result<FinishReceipt>& receipt) {
    MutexLock lock(mutex_);
    if (receipt) {
      in_order_ =
          in_order_ && receipt->index == answered_.size() && (answered_.empty() || answered_.back() < number);
      answered_.push_back(number);
      waiting_.push_back({receipt->index, from_us});
      if (!until_covered_) End();
    } else {
      CHECK(receipt.error().code == ErrorCode::kResourceExhausted, "an append failed");
      ++refused_;
      --in_flight_;
    }
    changed_.NotifyOne();
  }
  void EndBelow(uint64_t size) {
    MutexLock lock(mutex_);
    while (!waiting_.empty() && waiting_.front().index < size) End();
    changed_.NotifyOne();
  }
  // Ends the oldest answered append.
  void End() REQUIRES(mutex_) {
    waits_.us.push_back(kClock.MonoMicros() - waiting_.front().from_us);
    waiting_.pop_front();
    --in_flight_;
  }
  void WaitBelow(size_t limit) {
    MutexLock lock(mutex_);
    while (in_flight_ >= limit) changed_.Wait(mutex_);
  }

  struct Answer {
    uint64_t index = 0;
    int64_t from_us = 0;
  };

  Ledger& ledger_;
  const std::string filler_;
  bool until_covered_ = false;
  uint64_t sent_ = 0;
  Mutex mutex_;
  CondVar changed_;
  size_t in_flight_ GUARDED_BY(mutex_) = 0;
  std::deque<Answer> waiting_ GUARDED_BY(mutex_);
  Waits waits_;
  std::vector<uint64_t> answered_;  // numbers, in order of answer
  bool in_order_ = true;
  uint64_t refused_ = 0;
};

bool Load::OrderKept() {
  for (uint64_t next = 0; in_order_ && next < answered_.size();) {
    const std::vector<Leaf> leaves = ledger_.Read(next, 1024, 1 << 20).value();
    CHECK(!leaves.empty(), "an answered append is not in the log");
    for (const Leaf& leaf : leaves) {
      if (leaf.index != next || ParseUint64(leaf.bytes.substr(0, kNumberBytes)).value() != answered_[next])
        return false;
      ++next;
    }
  }
  return in_order_;
}

void MeasureLedger(std::string_view what, const std::string& folder, int64_t micros, size_t bytes,
                   uint64_t amount) {
  CHECK(bytes > kNumberBytes, "a record holds its number");
  LedgerOptions options;
  options.dir = folder + "/log";
  if (what == "covered") options.checkpoint_interval = kCheckpointInterval;
  auto ledger = Ledger::Open(options).value();
  Load load(*ledger, bytes);
  const int64_t begin_us = kClock.MonoMicros();
  const double begin_cpu_us = CpuMicros();
  if (what == "closed")
    load.Closed(amount, micros);
  else if (what == "covered")
    load.Covered(amount, micros);
  else
    load.AtRate(amount, micros);
  const int64_t taken_us = kClock.MonoMicros() - begin_us;
  const double cpu_us = CpuMicros() - begin_cpu_us;
  const size_t count = load.waits().us.size();
  CHECK(count > 0, "no append was answered");
  fmt::print(
      "{{\"bench\":\"ledger_append\",\"{}\":{},\"bytes\":{},{},\"cpu_us\":{:.1f},\"refused\":{},\"order_"
      "kept\":{}}}\n",
      what == "rate" ? "wanted_per_s" : "in_flight", amount, bytes, load.waits().Json(taken_us),
      cpu_us / static_cast<double>(count), load.refused(), load.OrderKept());
}

int Main(const std::vector<std::string>& arguments) {
  const std::string_view what = arguments.empty() ? "" : std::string_view(arguments[0]);
  const bool load = what == "closed" || what == "covered" || what == "rate";
  const bool disk = what == "disk" && arguments.size() == 4;
  if (!disk && !((what == "disk" || load) && arguments.size() == 5)) {
    fmt::print(
        stderr,
        "want disk FOLDER SECONDS BYTES [PER_S], or closed|covered|rate FOLDER SECONDS BYTES AMOUNT\n");
    return 2;
  }
  const std::string& folder = arguments[1];
  const int64_t micros = static_cast<int64_t>(ParseUint64(arguments[2]).value() * 1'000'000);
  const size_t bytes = ParseUint64(arguments[3]).value();
  CHECK(std::filesystem::create_directories(folder), "the folder exists or cannot be made");
  const uint64_t amount = arguments.size() == 5 ? ParseUint64(arguments[4]).value() : 0;
  if (load)
    MeasureLedger(what, folder, micros, bytes, amount);
  else
    MeasureDisk(folder, micros, bytes, amount);
  return 0;
}

}  // namespace
}  // namespace beleg::ledger

int main(int argc, char** argv) {
  beleg::SetLogLevel("warn");
  return beleg::ledger::Main({argv + 1, argv + argc});
}
