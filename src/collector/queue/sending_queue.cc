#include "collector/queue/sending_queue.h"

#include <algorithm>

#include "base/log.h"
#include "base/rng.h"
#include "wire/otlp_edit.h"

namespace beleg::collector {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr microseconds kDrainPause{100'000};
constexpr microseconds kPollPause{10'000'000};
constexpr microseconds kPauseMin{
    1'000};  // a peer that fails, or asks for no pause, is not called in a hot loop
constexpr milliseconds kRetryAfterMax{300'000};
constexpr uint64_t kBatchesMax = 1'000'000, kConsumersMax = 1'000;

// Between half and one and a half of it, so that many do not come back at one moment.
microseconds Jittered(microseconds pause) {
  SystemRng rng;
  uint16_t draw = 0;
  rng.Fill(&draw, sizeof draw);
  return microseconds(static_cast<int64_t>(static_cast<double>(pause.count()) * (0.5 + draw / 65536.0)));
}

double Number(const wire::Yaml& node, double otherwise) {
  auto scalar = node.Scalar();
  if (const double* number = std::get_if<double>(&scalar)) return *number;
  if (const int64_t* number = std::get_if<int64_t>(&scalar)) return static_cast<double>(*number);
  return otherwise;
}

}  // namespace

SendingQueueOptions ReadSendingQueue(const Settings& settings) {
  SendingQueueOptions out;
  out.batches_max = settings.Count("sending_queue.queue_size");
  out.bytes_max = settings.Count("sending_queue.bytes_max");
  out.consumers = settings.Count("sending_queue.num_consumers");
  out.retry = settings.Bool("retry_on_failure.enabled");
  out.retry_first = settings.Duration("retry_on_failure.initial_interval");
  out.retry_max = settings.Duration("retry_on_failure.max_interval");
  out.retry_growth = Number(settings.Any("retry_on_failure.multiplier"), 1.5);
  out.retry_for = settings.Duration("retry_on_failure.max_elapsed_time");
  return out;
}

void CheckSendingQueue(const Settings& settings, Problems& problems) {
  if (settings.Has("sending_queue.storage"))
    problems.Error(settings.mark("sending_queue.storage"),
                   "{}::sending_queue::storage: there is no durable queue yet", settings.where());
  if (settings.Has("sending_queue.enabled") && !settings.Bool("sending_queue.enabled"))
    problems.Warn(settings.mark("sending_queue.enabled"), "{}::sending_queue::enabled: the queue stays",
                  settings.where());
  for (const auto& [path, most] : {std::pair{"sending_queue.queue_size", kBatchesMax},
                                   std::pair{"sending_queue.num_consumers", kConsumersMax}})
    if (settings.Count(path) == 0 || settings.Count(path) > most)
      problems.Error(settings.mark(path), "{}: must be between 1 and {}", settings.Name(path), most);
  if (double growth = Number(settings.Any("retry_on_failure.multiplier"), 0); !(growth >= 1 && growth < 1e3))
    problems.Error(settings.mark("retry_on_failure.multiplier"),
                   "{}::retry_on_failure::multiplier: must be a number from 1 to below 1000",
                   settings.where());
}

SendingQueue::SendingQueue(const std::string& id, Signal signal, SendingQueueOptions options,
                           TransportFactory factory, const World& world)
    : id_(id),
      signal_(signal),
      options_(options),
      factory_(std::move(factory)),
      queue_({options.batches_max, options.bytes_max}),
      sent_(world.metrics->AddCounter(fmt::format("otelcol_exporter_sent_{}", ItemsName(signal)),
                                      "Taken by the destination.", {{"exporter", id}})),
      send_failed_(world.metrics->AddCounter(
          fmt::format("otelcol_exporter_send_failed_{}", ItemsName(signal)),
          "Given up: the destination will not take them, or time was over.", {{"exporter", id}})),
      enqueue_failed_(world.metrics->AddCounter(
          fmt::format("otelcol_exporter_enqueue_failed_{}", ItemsName(signal)),
          "Refused because the queue was full; the sender still has them.", {{"exporter", id}})),
      rejected_(world.metrics->AddCounter(fmt::format("otelcol_exporter_rejected_{}", ItemsName(signal)),
                                          "Thrown away by the destination (partial success).",
                                          {{"exporter", id}})),
      retries_(world.metrics->AddCounter("otelcol_exporter_retries", "Sends that are to be tried again.",
                                         {{"exporter", id}})),
      queue_size_(
          world.metrics->AddGauge("otelcol_exporter_queue_size", "Batches that wait.",
                                  {{"data_type", std::string(SignalName(signal))}, {"exporter", id}})),
      in_flight_(world.metrics->AddGauge("otelcol_exporter_in_flight_requests", "Batches on the way.",
                                         {{"exporter", id}})) {
  world.metrics
      ->AddGauge("otelcol_exporter_queue_capacity", "Batches that may wait.",
                 {{"data_type", std::string(SignalName(signal))}, {"exporter", id}})
      .Set(static_cast<double>(options_.batches_max));
}

Result<void> SendingQueue::Start() {
  for (size_t i = 0; i < options_.consumers; ++i) {
    TRY_ASSIGN(std::unique_ptr<Transport> transport, factory_());
    transports_.push_back(std::move(transport));
  }
  for (auto& transport : transports_)
    threads_.emplace_back("export", [this, raw = transport.get()](std::stop_token) { Run(*raw); });
  return {};
}

void SendingQueue::Stop(milliseconds drain) {
  {
    MutexLock lock(mutex_);
    if (deadline_) return;
    deadline_ = std::chrono::steady_clock::now() + drain;
    wake_.NotifyAll();
  }
  queue_.Close();
  // Sends in progress are cut off at the deadline, not before: the peer may have taken them.
  Thread watchdog("export-stop", [this](std::stop_token stop) {
    while (!stop.stop_requested() && !Expired()) {
      MutexLock lock(mutex_);
      wake_.WaitFor(mutex_, microseconds(20'000));
    }
    if (!stop.stop_requested())
      for (auto& transport : transports_) transport->Cancel();
  });
  for (Thread& thread : threads_) thread.Join();
  watchdog.RequestStop();
  if (uint64_t lost = lost_.load(); lost > 0)
    LOG_ERROR("collector.lost_at_stop", F("exporter", id_), F("signal", SignalName(signal_)),
              F("items", lost));
}

Result<void> SendingQueue::Consume(Data&& data) {
  size_t bytes = data.bytes.size();
  size_t items = data.items;
  if (queue_.TryPush(std::move(data), bytes)) {
    queue_size_.Set(static_cast<double>(queue_.size()));
    return {};
  }
  enqueue_failed_.Add(static_cast<double>(items));
  return Fail(ErrorCode::kResourceExhausted, "exporter {}: sending queue is full", id_);
}

bool SendingQueue::HasRoom(Signal, size_t bytes) const {
  size_t count = queue_.size();
  return count == 0 || (count < options_.batches_max && queue_.bytes() + bytes <= options_.bytes_max);
}

void SendingQueue::Run(Transport& transport) {
  while (true) {
    const bool closed = queue_.closed();  // asked first: what was pushed before Close is still popped
    std::vector<Data> batch = queue_.PopAll(kPollPause, 1);
    if (batch.empty() && closed) return;
    if (batch.empty()) continue;
    queue_size_.Set(static_cast<double>(queue_.size()));
    in_flight_.Add(1);
    Deliver(transport, std::move(batch[0]));
    in_flight_.Add(-1);
  }
}

void SendingQueue::Deliver(Transport& transport, Data data) {
  auto begun = std::chrono::steady_clock::now();
  microseconds pause = options_.retry_first;
  while (true) {
    if (Expired()) return Lost(data, {ErrorCode::kCancelled, "stopping"});
    SendResult sent = transport.Send(data);
    if (sent) return Sent(data, *sent);
    SendFailure& failure = sent.error();
    if (failure.splittable && data.items > 1) return Halve(transport, std::move(data));
    if (failure.permanent || !options_.retry) return Lost(data, failure.error);
    microseconds limit = options_.retry_for.count() > 0 ? options_.retry_for
                         : failure.doubtful             ? kDoubtLimit
                                                        : microseconds::max();
    if (std::chrono::steady_clock::now() - begun > limit)
      return Lost(data,
                  {ErrorCode::kDeadlineExceeded,
                   fmt::format("given up after {} s: {}", limit.count() / 1'000'000, failure.error.message)});
    retries_.Add();
    if (pause == options_.retry_first)
      LOG_WARN("collector.export_retry", F("exporter", id_), F("why", failure.error.message));
    const microseconds asked =
        failure.retry_after ? std::min(*failure.retry_after, kRetryAfterMax) : Jittered(pause);
    Pause(std::max(asked, kPauseMin));
    pause = std::min(
        options_.retry_max,
        microseconds(static_cast<int64_t>(static_cast<double>(pause.count()) * options_.retry_growth)));
  }
}

void SendingQueue::Halve(Transport& transport, Data data) {
  auto halves = [&]() -> Result<std::vector<std::string>> {
    TRY_ASSIGN(size_t items, wire::otlp::CountItems(data.bytes));  // of metrics, data.items counts points
    if (items < 2) return Fail(ErrorCode::kInvalidArgument, "the destination takes it in no form");
    return wire::otlp::SplitItems(data.bytes, (items + 1) / 2);
  }();
  if (!halves) return Lost(data, halves.error());
  for (std::string& half : *halves) {
    size_t items = CountItems(signal_, half).value_or(1);
    Deliver(transport, Data{signal_, std::move(half), items});
  }
}

void SendingQueue::Sent(const Data& data, const SendReport& report) {
  int64_t rejected = std::clamp<int64_t>(report.rejected, 0, static_cast<int64_t>(data.items));
  sent_.Add(static_cast<double>(static_cast<int64_t>(data.items) - rejected));
  if (rejected > 0) {
    rejected_.Add(static_cast<double>(rejected));
    LOG_ERROR("collector.partial_success", F("exporter", id_), F("rejected", rejected),
              F("why", report.message));
  }
  MutexLock lock(mutex_);
  ++successes_;
  wake_.NotifyAll();
}

void SendingQueue::Lost(const Data& data, const Error& why) {
  send_failed_.Add(static_cast<double>(data.items));
  if (why.code == ErrorCode::kCancelled)
    lost_ += data.items;  // told once, at the end of Stop
  else
    LOG_ERROR("collector.export_failed", F("exporter", id_), F("items", data.items), F("why", why.message));
}

void SendingQueue::Pause(microseconds pause) {
  auto until = std::chrono::steady_clock::now() + pause;
  MutexLock lock(mutex_);
  const uint64_t successes = successes_;
  bool draining = false;
  while (successes == successes_) {
    auto now = std::chrono::steady_clock::now();
    if (deadline_ && !std::exchange(draining, true)) until = std::min(until, now + kDrainPause);
    auto left = std::chrono::duration_cast<microseconds>(until - now);
    if (left.count() <= 0) return;
    wake_.WaitFor(mutex_, left);
  }
}

bool SendingQueue::Expired() {
  MutexLock lock(mutex_);
  return deadline_ && std::chrono::steady_clock::now() >= *deadline_;
}

}  // namespace beleg::collector
