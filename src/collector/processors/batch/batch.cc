#include "collector/processors/batch/batch.h"

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
constexpr size_t kBatchBytesMax = 64 << 20;  // of what waits for its timeout

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
                                              "Sent because of the timeout.", {{"processor", id}})) {}

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
    while (held_.items > 0 && !Flush() && std::chrono::steady_clock::now() < deadline)
      wake_.WaitFor(mutex_, kRetryPause);
    if (held_.items > 0)
      LOG_ERROR("collector.lost_at_stop", F("processor", id_), F("signal", SignalName(signal_)),
                F("items", held_.items));
    held_ = {};
  }

  Result<void> Consume(Data&& data) override {
    MutexLock lock(mutex_);
    if (IsFull() && !Flush()) return std::unexpected(refusal_);
    if (held_.items == 0) {
      oldest_ = std::chrono::steady_clock::now();
      held_ = std::move(data);
      wake_.NotifyAll();
    } else {
      held_.bytes += data.bytes;
      held_.items += data.items;
    }
    if (!IsFull()) return {};
    if (Flush()) by_size_.Add();
    return {};
  }

  bool HasRoom(Signal signal, size_t bytes) const override {
    MutexLock lock(mutex_);
    return !IsFull() || next_.HasRoom(signal, held_.bytes.size() + bytes);
  }

 private:
  bool IsFull() const REQUIRES(mutex_) {
    if (held_.items == 0) return false;
    return timeout_.count() == 0 || (size_ > 0 && held_.items >= size_) ||
           held_.bytes.size() >= kBatchBytesMax;
  }

  // Gives what is held to the next; false when it refuses because it is full. What it will never take is not kept.
  bool Flush() REQUIRES(mutex_) {
    while (held_.items > 0) {
      Data rest;
      if (size_max_ > 0 && held_.items > size_max_) rest = SplitOff();
      size_t items = held_.items;
      Result<void> taken = next_.Consume(std::move(held_));
      if (!taken && (taken.error().code == ErrorCode::kResourceExhausted ||
                     taken.error().code == ErrorCode::kUnavailable)) {
        held_.bytes += rest.bytes;
        held_.items += rest.items;
        refusal_ = taken.error();
        return false;
      }
      if (!taken)
        LOG_ERROR("collector.batch_refused", F("processor", id_), F("items", items),
                  F("why", taken.error().message));
      sent_size_.Observe(static_cast<double>(items));
      held_ = std::move(rest);
    }
    held_ = Data{signal_, "", 0};
    return true;
  }

  // Leaves at most size_max_ items (of metrics: whole metrics) in held_.
  Data SplitOff() REQUIRES(mutex_) {
    Data rest{signal_, "", 0};
    Result<wire::otlp::Split> split = wire::otlp::SplitItems(held_.bytes, size_max_);
    if (!split || split->rest.empty()) return rest;
    rest.bytes = std::move(split->rest);
    rest.items = signal_ == Signal::kMetrics ? wire::otlp::CountDataPoints(rest.bytes).value_or(0)
                                             : held_.items - size_max_;
    held_.bytes = std::move(split->first);
    held_.items -= rest.items;
    return rest;
  }

  void Run(std::stop_token stop) {
    MutexLock lock(mutex_);
    while (!stop.stop_requested()) {
      auto left =
          std::chrono::duration_cast<microseconds>(oldest_ + timeout_ - std::chrono::steady_clock::now());
      if (held_.items == 0)
        wake_.Wait(mutex_);
      else if (left.count() > 0)
        wake_.WaitFor(mutex_, left);
      else if (Flush())
        by_timeout_.Add();
      else
        wake_.WaitFor(mutex_, kRetryPause);
    }
  }

  const std::string id_;
  const Signal signal_;
  Consumer& next_;
  const microseconds timeout_;
  const size_t size_, size_max_;
  Histogram& sent_size_;
  Counter &by_size_, &by_timeout_;

  mutable Mutex mutex_;
  CondVar wake_;
  Data held_ GUARDED_BY(mutex_);
  Time oldest_ GUARDED_BY(mutex_);
  Error refusal_ GUARDED_BY(mutex_);
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
