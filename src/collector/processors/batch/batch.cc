#include "collector/processors/batch/batch.h"

#include <deque>

#include "base/check.h"
#include "base/log.h"
#include "wire/otlp_edit.h"

namespace beleg::collector {
namespace {

using std::chrono::microseconds;
using Time = std::chrono::steady_clock::time_point;

constexpr Setting kTable[] = {
    {"timeout", SettingType::kDuration, "200ms", "send what is there after so long; 0: at once"},
    {"send_batch_size", SettingType::kCount, "8192",
     "send when so many items are there; 0: on timeout alone"},
    {"send_batch_max_size", SettingType::kCount, "0",
     "split larger batches; 0: never (a batch may then be larger than send_batch_size)"},
    {"metadata_keys", SettingType::kTexts, "", "batches apart by client metadata", "", {}, true},
    {"metadata_cardinality_limit", SettingType::kCount, "1000", "how many of them", "", {}, true},
};
constexpr microseconds kRetryPause{100'000};
constexpr size_t kBatchBytesMax = 64 << 20;  // a batch that has so many is full

class Batch final : public Processor {
 public:
  Batch(const std::string& id, const Settings& settings, Signal signal, Consumer& next, const World& world)
      : id_(id),
        signal_(signal),
        next_(next),
        timeout_(settings.Duration("timeout")),
        size_(settings.Count("send_batch_size")),
        size_max_(settings.Count("send_batch_max_size")),
        sent_size_(world.metrics->AddHistogram(
            "otelcol_processor_batch_batch_send_size", "Items of a batch.",
            {10, 25, 50, 75, 100, 250, 500, 750, 1000, 2000, 5000, 10000, 50000}, {{"processor", id}})),
        by_size_(world.metrics->AddCounter("otelcol_processor_batch_batch_size_trigger_send",
                                           "Sent because a batch was full.", {{"processor", id}})),
        by_timeout_(world.metrics->AddCounter("otelcol_processor_batch_timeout_trigger_send",
                                              "Sent because of the timeout.", {{"processor", id}})),
        dropped_(world.metrics->AddCounter(
            fmt::format("otelcol_processor_dropped_{}", ItemsName(signal)),
            "Lost: refused for ever by what follows, or still here when the time to stop was over.",
            {{"processor", id}})) {}

  ~Batch() override { Stop(std::chrono::milliseconds(0)); }

  Result<void> Start() override {
    if (timeout_.count() > 0) thread_ = Thread("batch", [this](std::stop_token stop) { Run(stop); });
    return {};
  }

  void Stop(std::chrono::milliseconds drain) override {
    if (thread_.joinable()) {
      thread_.RequestStop();
      {
        MutexLock lock(mutex_);
        wake_.NotifyAll();
      }
      thread_.Join();
    }
    Time deadline = std::chrono::steady_clock::now() + drain;
    MutexLock lock(mutex_);
    if (held_.items > 0) Cut();
    while (!Send() && std::chrono::steady_clock::now() < deadline) wake_.WaitFor(mutex_, kRetryPause);
    if (!ready_.empty()) LoseRest();
  }

  Result<void> Consume(Data&& data) override {
    MutexLock lock(mutex_);
    if (!Send()) return std::unexpected(refusal_);
    if (held_.items == 0) {
      oldest_ = std::chrono::steady_clock::now();
      held_ = std::move(data);
      if (!IsFull()) held_.bytes.reserve(last_bytes_);
    } else {
      held_.bytes += data.bytes;
      held_.items += data.items;
    }
    if (IsFull()) {
      Cut();
      if (Send()) by_size_.Add();
    } else if (idle_) {
      wake_.NotifyAll();
    }
    return {};
  }

  bool HasRoom(Signal signal, size_t) const override {
    MutexLock lock(mutex_);
    size_t bytes = 0;
    for (const Data& each : ready_) bytes += each.bytes.size();
    return ready_.empty() || next_.HasRoom(signal, bytes);
  }

 private:
  bool IsFull() const REQUIRES(mutex_) {
    return timeout_.count() == 0 || (size_ > 0 && held_.items >= size_) ||
           held_.bytes.size() >= kBatchBytesMax;
  }

  // Makes batches of what is held.
  void Cut() REQUIRES(mutex_) {
    Data whole = std::exchange(held_, {});
    last_bytes_ = whole.bytes.size();
    if (size_max_ > 0 && whole.items > size_max_) {
      auto parts = wire::otlp::SplitItems(whole.bytes, size_max_);
      CHECK(parts.has_value(), "the receiver has counted its items");
      for (std::string& part : *parts) {
        size_t items = CountItems(signal_, part).value_or(0);
        ready_.push_back({signal_, std::move(part), items});
      }
    } else {
      ready_.push_back(std::move(whole));
    }
  }

  // Gives the batches to the next; false when it refuses because it is full. What it will never take is not kept.
  bool Send() REQUIRES(mutex_) {
    for (; !ready_.empty(); ready_.pop_front()) {
      const size_t items = ready_.front().items;
      Result<void> taken = next_.Consume(std::move(ready_.front()));
      if (taken) {
        sent_size_.Observe(static_cast<double>(items));
        continue;
      }
      refusal_ = taken.error();
      if (refusal_.code == ErrorCode::kResourceExhausted || refusal_.code == ErrorCode::kUnavailable)
        return false;
      dropped_.Add(static_cast<double>(items));
      LOG_ERROR("collector.batch_refused", F("processor", id_), F("items", items),
                F("why", refusal_.message));
    }
    return true;
  }

  void LoseRest() REQUIRES(mutex_) {
    size_t items = 0;
    for (const Data& each : ready_) items += each.items;
    ready_.clear();
    dropped_.Add(static_cast<double>(items));
    LOG_ERROR("collector.lost_at_stop", F("processor", id_), F("signal", SignalName(signal_)),
              F("items", items));
  }

  void Run(std::stop_token stop) {
    MutexLock lock(mutex_);
    while (!stop.stop_requested()) {
      if (!Send()) {
        wake_.WaitFor(mutex_, kRetryPause);
        continue;
      }
      auto left =
          std::chrono::duration_cast<microseconds>(oldest_ + timeout_ - std::chrono::steady_clock::now());
      if (held_.items == 0) {
        idle_ = true;
        wake_.Wait(mutex_);
        idle_ = false;
      } else if (left.count() > 0) {
        wake_.WaitFor(mutex_, left);
      } else {
        Cut();
        if (Send()) by_timeout_.Add();
      }
    }
  }

  const std::string id_;
  const Signal signal_;
  Consumer& next_;
  const microseconds timeout_;
  const size_t size_, size_max_;
  Histogram& sent_size_;
  Counter &by_size_, &by_timeout_, &dropped_;

  mutable Mutex mutex_;
  CondVar wake_;
  Data held_ GUARDED_BY(mutex_);  // the batch that grows
  Time oldest_ GUARDED_BY(mutex_);
  size_t last_bytes_ GUARDED_BY(mutex_) = 0;  // of the batch before: the next is of that size, too
  std::deque<Data> ready_
      GUARDED_BY(mutex_);  // what the next did not take; while there is any, held_ does not grow
  Error refusal_ GUARDED_BY(mutex_);
  bool idle_ GUARDED_BY(mutex_) = false;  // thread_ waits for a batch to begin
  Thread thread_;
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  uint64_t most = settings.Count("send_batch_max_size");
  if (most > 0 && most < settings.Count("send_batch_size"))
    problems.Error(settings.mark("send_batch_max_size"),
                   "{}: send_batch_max_size must be greater or equal to send_batch_size", settings.where());
}

Result<std::unique_ptr<Processor>> Make(const std::string& id, const Settings& settings, Signal signal,
                                        Consumer& next, const World& world) {
  return std::make_unique<Batch>(id, settings, signal, next, world);
}

}  // namespace

Component BatchProcessor() {
  Component out{ComponentKind::kProcessor, "batch", "", "Joins small requests into larger ones.", kTable};
  out.check = Check;
  out.processor = Make;
  return out;
}

}  // namespace beleg::collector
