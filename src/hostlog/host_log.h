// HostLog: the audit host's own log. Whoever keeps the evidence of others says here what he does with it: who looked, what was removed,
// held, erased, found. It is a ledger like the server's, with a key of its own, so the same tools verify it.
//
// Shape:   boot, config, then what is appended; reads are summed up and written each `read_interval`, and at Close.
// Limits:  kReadersMax pairs of reader and thing at once; beyond, the reader is "other".
// Errors:  those of ledger::Ledger. While the log takes nothing, reads go on and are kept in memory: a crash loses their count.
// Threads: any.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/rng.h"
#include "base/thread.h"
#include "ledger/ledger.h"
#include "record/audit_log.h"

namespace beleg::hostlog {

struct HostLogOptions {
  std::string dir;
  std::string origin{};                           // at inception; "": random
  std::string version{};                          // of beleg
  std::string build = "unknown";                  // the commit that it was made of
  std::map<std::string, std::string> settings{};  // for the config record; no secrets
  std::chrono::milliseconds read_interval{60'000};
  // Called once the ledger is open and before it grows: what it refuses, Open refuses. Where witnesses are asked.
  std::function<Result<void>(ledger::Ledger&)> before_boot{};
  uint64_t free_bytes_min = 64 << 20;
  bool compress_closed_days = false;
  MetricRegistry* metrics = nullptr;
  io::FileSystem* fs = nullptr;  // null: the real ones
  const Clock* clock = nullptr;
  Rng* rng = nullptr;
};

constexpr size_t kReadersMax = 1'000;

class HostLog final : public record::AuditLog {
 public:
  static Result<std::unique_ptr<HostLog>> Open(HostLogOptions options);
  ~HostLog() override;  // Close

  Result<uint64_t> Append(record::Body body) override;
  void CountRead(std::string_view reader, std::string_view what) override;
  const std::string& origin() const override { return ledger_->origin(); }
  Result<uint64_t> Replay(uint64_t first, const Take& take) override;

  ledger::Ledger& ledger() { return *ledger_; }

  // Writes what was read since, and a shutdown record; nothing more is appended.
  void WriteLast();
  // WriteLast, and the ledger is closed.
  void Close();

 private:
  using Reads = std::map<std::pair<std::string, std::string>, record::ReadAccess>;  // by reader and thing

  explicit HostLog(HostLogOptions options);
  Result<void> Start();
  void WriteReadsEach(std::stop_token stop);
  void WriteReads();

  HostLogOptions options_;
  SystemClock system_clock_;
  SystemRng system_rng_;
  BootId boot_;
  std::unique_ptr<ledger::Ledger> ledger_;
  uint64_t first_kept_ = 0;  // those before it were pruned
  Mutex mutex_;
  CondVar stop_;
  Reads reads_ GUARDED_BY(mutex_);  // not yet on record
  bool ended_ = false;
  Thread writer_;
};

}  // namespace beleg::hostlog
