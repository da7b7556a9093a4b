#include "hostlog/host_log.h"

#include <algorithm>

#include "base/log.h"
#include "ledger/cursor.h"

namespace beleg::hostlog {
namespace {

constexpr size_t kReplayLeaves = 256, kReplayBytes = 1 << 20;  // at once

}  // namespace

HostLog::HostLog(HostLogOptions options) : options_(std::move(options)) {
  if (options_.clock == nullptr) options_.clock = &system_clock_;
  if (options_.rng == nullptr) options_.rng = &system_rng_;
}

Result<std::unique_ptr<HostLog>> HostLog::Open(HostLogOptions options) {
  std::unique_ptr<HostLog> log(new HostLog(std::move(options)));
  TRY(log->Start());
  return log;
}

Result<void> HostLog::Start() {
  ledger::LedgerOptions ledger;
  ledger.dir = options_.dir;
  ledger.origin = options_.origin;
  ledger.free_bytes_min = options_.free_bytes_min;
  ledger.compress_closed_days = options_.compress_closed_days;
  ledger.wal_segment_bytes = 1 << 20;  // it grows by some records a minute
  ledger.metrics = options_.metrics;
  ledger.fs = options_.fs;
  ledger.clock = options_.clock;
  ledger.rng = options_.rng;
  TRY_ASSIGN(ledger_, ledger::Ledger::Open(std::move(ledger)));
  io::FileSystem& fs = options_.fs != nullptr ? *options_.fs : io::PosixFileSystem();
  TRY_ASSIGN(auto pruned, ledger::Cursor::Open(fs, options_.dir, std::string(ledger::kPrunedCursor)));
  first_kept_ = pruned->next();
  if (options_.before_boot) TRY(options_.before_boot(*ledger_));
  boot_ = {options_.rng->Draw<std::array<uint8_t, 8>>()};
  record::Boot boot;
  boot.version = options_.version;
  boot.build = options_.build;
  boot.service_name = "beleg-store";
  boot.host = ledger_->host();
  boot.audit = "closed";
  boot.clock_source = "system";
  TRY(ledger_->BeginBoot(boot_, std::move(boot)));
  TRY(Append(record::Config{options_.settings}));
  writer_ = Thread("host-log", [this](std::stop_token stop) { WriteReadsEach(stop); });
  return {};
}

HostLog::~HostLog() { Close(); }

Result<uint64_t> HostLog::Append(record::Body body) {
  TRY_ASSIGN(ledger::FinishReceipt receipt,
             ledger_->AppendAndWait(record::Encode({boot_, options_.clock->UnixMicros(), std::move(body)})));
  return receipt.index;
}

void HostLog::CountRead(std::string_view reader, std::string_view what) {
  const int64_t now_us = options_.clock->UnixMicros();
  MutexLock lock(mutex_);
  const bool full = reads_.size() >= kReadersMax;
  auto [read, is_new] = reads_.try_emplace({std::string(full ? "other" : reader), std::string(what)});
  if (is_new) {
    read->second.reader = read->first.first;
    read->second.what = read->first.second;
    read->second.first_us = now_us;
  }
  ++read->second.requests;
}

Result<uint64_t> HostLog::Replay(uint64_t first, const Take& take) {
  const uint64_t size = ledger_->durable_size();
  if (first >= size) return size;
  uint64_t next = std::max(first, first_kept_);
  while (next < size) {
    TRY_ASSIGN(const auto leaves, ledger_->Read(next, kReplayLeaves, kReplayBytes));
    if (leaves.empty()) return Fail(ErrorCode::kDataLoss, "leaf {} of {}: is not there", next, origin());
    for (const ledger::Leaf& leaf : leaves) {
      next = leaf.index + 1;
      if (auto record = record::Decode(leaf.bytes)) TRY(take(leaf.index, *record));
    }
  }
  return next;
}

void HostLog::WriteReadsEach(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      MutexLock lock(mutex_);
      if (!stop.stop_requested()) stop_.WaitFor(mutex_, options_.read_interval);
    }
    WriteReads();
  }
}

// What the log does not take now is kept, and written with what comes.
void HostLog::WriteReads() {
  Reads reads;
  {
    MutexLock lock(mutex_);
    reads.swap(reads_);
  }
  for (const auto& [key, read] : reads) {
    auto written = Append(read);
    if (written) continue;
    LOG_WARN("hostlog.reads_not_written", F("why", written.error().message));
    MutexLock lock(mutex_);
    auto [kept, is_new] = reads_.try_emplace(key, read);
    if (is_new) continue;
    kept->second.requests += read.requests;
    kept->second.first_us = std::min(kept->second.first_us, read.first_us);
  }
}

void HostLog::WriteLast() {
  if (std::exchange(ended_, true) || !writer_.joinable()) return;
  writer_.RequestStop();
  {
    MutexLock lock(mutex_);
    stop_.NotifyAll();
  }
  writer_.Join();
  WriteReads();
  if (auto done = Append(record::Shutdown{"signal", {}, 0}); !done)
    LOG_WARN("hostlog.shutdown_not_written", F("why", done.error().message));
}

void HostLog::Close() {
  WriteLast();
  if (ledger_) ledger_->Close();
}

}  // namespace beleg::hostlog
