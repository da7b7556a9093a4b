#include "collector/processors/memory_limiter/memory_limiter.h"

#include <malloc.h>
#include <unistd.h>

#include <atomic>

#include "base/bytes.h"
#include "base/log.h"
#include "io/file.h"

namespace beleg::collector {
namespace {

constexpr Setting kTable[] = {
    {"check_interval", SettingType::kDuration, "1s", "how often memory is looked at"},
    {"limit_mib", SettingType::kCount, "0", "most resident memory"},
    {"spike_limit_mib", SettingType::kCount, "0", "refuse so much below it; 0: a fifth of it"},
    {"limit_percentage", SettingType::kCount, "0", "the limit in percent of the machine's memory"},
    {"spike_limit_percentage", SettingType::kCount, "0", "the same of spike_limit_mib"},
};

uint64_t PageBytes() { return static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)); }
uint64_t MachineBytes() { return static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) * PageBytes(); }

// The second number of /proc/self/statm is the pages that are resident; 0 when it cannot be read.
uint64_t ResidentBytes() {
  auto file = io::PosixFileSystem().Open("/proc/self/statm", io::OpenMode::kRead);
  if (!file) return 0;
  auto text = (*file)->ReadAt(0, 4096);  // such a file claims to have no size
  if (!text) return 0;
  size_t start = text->find(' ');
  if (start == std::string::npos) return 0;
  auto pages = ParseUint64(std::string_view(*text).substr(start + 1, text->find(' ', start + 1) - start - 1));
  return pages.value_or(0) * PageBytes();
}

class MemoryLimiter final : public Processor {
 public:
  MemoryLimiter(const Settings& settings, Consumer& next, const World& world, Signal signal,
                const std::string& id)
      : next_(next),
        clock_(*world.clock),
        interval_us_(settings.Duration("check_interval").count()),
        refused_(world.metrics->AddCounter(
            fmt::format("otelcol_processor_memory_limiter_refused_{}", ItemsName(signal)),
            "Refused for want of memory.", {{"processor", id}})) {
    uint64_t limit = settings.Count("limit_mib") << 20;
    if (limit == 0) limit = MachineBytes() / 100 * settings.Count("limit_percentage");
    uint64_t spike = settings.Count("spike_limit_mib") << 20;
    if (spike == 0) spike = MachineBytes() / 100 * settings.Count("spike_limit_percentage");
    refuse_above_ = limit - (spike == 0 || spike >= limit ? limit / 5 : spike);
  }

  Result<void> Consume(Data&& data) override {
    if (!IsOver()) return next_.Consume(std::move(data));
    refused_.Add(static_cast<double>(data.items));
    return Fail(ErrorCode::kUnavailable, "data refused due to high memory usage");
  }

  bool HasRoom(Signal signal, size_t bytes) const override {
    return !IsOver() && next_.HasRoom(signal, bytes);
  }

 private:
  bool IsOver() const {
    int64_t now = clock_.MonoMicros();
    int64_t last = checked_us_.load();
    if (now - last < interval_us_ || !checked_us_.compare_exchange_strong(last, now)) return over_.load();
    uint64_t resident = ResidentBytes();
    // What the allocator keeps for later is no use that refusing would end.
    if (resident > refuse_above_ && ::malloc_trim(0) == 1) resident = ResidentBytes();
    bool over = resident > refuse_above_;
    if (over != over_.exchange(over))
      LOG_WARN("collector.memory", F("refusing", over), F("resident_bytes", resident),
               F("limit_bytes", refuse_above_));
    return over;
  }

  Consumer& next_;
  const Clock& clock_;
  const int64_t interval_us_;
  uint64_t refuse_above_ = 0;
  Counter& refused_;
  mutable std::atomic<int64_t> checked_us_{INT64_MIN / 2};
  mutable std::atomic<bool> over_{false};
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  if (settings.Count("limit_mib") == 0 && settings.Count("limit_percentage") == 0)
    problems.Error(settings.mark(), "{}: limit_mib or limit_percentage must be set to greater than zero",
                   settings.where());
  for (std::string_view path : {"limit_percentage", "spike_limit_percentage"})
    if (settings.Count(path) > 100)
      problems.Error(settings.mark(path), "{}: must be at most 100", settings.Name(path));
}

Result<std::unique_ptr<Processor>> Make(const std::string& id, const Settings& settings, Signal signal,
                                        Consumer& next, const World& world) {
  return std::make_unique<MemoryLimiter>(settings, next, world, signal, id);
}

}  // namespace

Component MemoryLimiterProcessor() {
  Component out{ComponentKind::kProcessor, "memory_limiter", "",
                "Refuses data while the process holds too much memory.", kTable};
  out.check = Check;
  out.processor = Make;
  return out;
}

}  // namespace beleg::collector
