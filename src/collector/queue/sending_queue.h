// SendingQueue: what an exporter still has to send, and the threads that send it, try again, and tell of every loss.
//
// Full:    Consume refuses with kResourceExhausted, so that the sender keeps the data and slows down. Nothing is dropped to make
//          room. One batch larger than the limit fits into an empty queue.
// Retry:   until it works, unless retry_on_failure says otherwise: a failure that may pass is tried again with growing pauses
//          and jitter, or when the peer said (Retry-After, RetryInfo; at most 300 s); the first success of any consumer wakes the others.
//          A batch that the peer calls wrong or too large is halved until the one item is found that it will not take; that
//          one is counted (send_failed) and logged.
// Stop:    sends what is inside until `drain` is over; what then remains is counted and logged as lost.
// Threads: Consume from any; num_consumers of its own.
// Source:  the Collector's exporterhelper (names, defaults); there a full queue drops, and so does a retry after 300 s.
#pragma once

#include <atomic>
#include <expected>
#include <memory>
#include <optional>
#include <vector>

#include "base/bounded_queue.h"
#include "base/thread.h"
#include "collector/component.h"

namespace beleg::collector {

struct SendFailure {
  Error error;
  bool permanent = false;   // the same bytes will never be taken
  bool splittable = false;  // fewer of them may be: one is wrong, or all together are too large
  bool doubtful = false;    // the peer failed on it, and may for ever: tried again for kDoubtLimit at most
  std::optional<std::chrono::milliseconds> retry_after;
};

struct SendReport {
  int64_t rejected = 0;  // partial success: items that the peer took the request for and threw away
  std::string message;
};

using SendResult = std::expected<SendReport, SendFailure>;

constexpr std::chrono::seconds kDoubtLimit{300};

// One way to a peer. Threads: Send one at a time, Cancel from any.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual SendResult Send(const Data& data) = 0;
  // Ends a Send in progress and every later one.
  virtual void Cancel() = 0;
};
// One for each consumer.
using TransportFactory = std::function<Result<std::unique_ptr<Transport>>()>;

struct SendingQueueOptions {
  size_t batches_max = 1000;
  size_t bytes_max = 256 << 20;
  size_t consumers = 10;
  bool retry = true;
  std::chrono::microseconds retry_first{5'000'000};
  std::chrono::microseconds retry_max{30'000'000};
  double retry_growth = 1.5;
  std::chrono::microseconds retry_for{0};  // 0: for ever
};

// The settings of every exporter that has such a queue, and what they say.
#define BELEG_SENDING_QUEUE_SETTINGS                                                               \
  {"sending_queue.enabled", SettingType::kBool, "true",                                            \
   "the queue is always there; false is accepted and changes nothing"},                            \
      {"sending_queue.queue_size", SettingType::kCount, "1000",                                    \
       "batches that may wait; more are refused, so that senders slow down"},                      \
      {"sending_queue.bytes_max", SettingType::kCount, "268435456",                                \
       "bytes that may wait (ours; the Collector counts batches only)"},                           \
      {"sending_queue.num_consumers", SettingType::kCount, "10",                                   \
       "batches on the way at once, at most 1,000"},                                               \
      {"sending_queue.block_on_overflow",                                                          \
       SettingType::kBool,                                                                         \
       "false",                                                                                    \
       "senders always slow down here",                                                            \
       "",                                                                                         \
       {},                                                                                         \
       true},                                                                                      \
      {"sending_queue.storage", SettingType::kText, "", "durable queue: not there yet"},           \
      {"retry_on_failure.enabled", SettingType::kBool, "true", "try again what may still work"},   \
      {"retry_on_failure.initial_interval", SettingType::kDuration, "5s", "first pause"},          \
      {"retry_on_failure.max_interval", SettingType::kDuration, "30s", "longest pause"},           \
      {"retry_on_failure.multiplier", SettingType::kAny, "1.5", "growth of the pause"},            \
      {"retry_on_failure.randomization_factor", SettingType::kAny, "0.5", "jitter", "", {}, true}, \
      {"retry_on_failure.max_elapsed_time", SettingType::kDuration, "0s",                          \
       "give a batch up after so long; 0 never (the Collector: 300s, and the batch is lost)"}

SendingQueueOptions ReadSendingQueue(const Settings& settings);
void CheckSendingQueue(const Settings& settings, Problems& problems);

class SendingQueue final : public Exporter {
 public:
  SendingQueue(const std::string& id, Signal signal, SendingQueueOptions options, TransportFactory factory,
               const World& world);
  ~SendingQueue() override { Stop(std::chrono::milliseconds(0)); }

  Result<void> Start() override;
  void Stop(std::chrono::milliseconds drain) override;
  Result<void> Consume(Data&& data) override;
  bool HasRoom(Signal signal, size_t bytes) const override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  void Run(Transport& transport);
  void Deliver(Transport& transport, Data data);
  void Halve(Transport& transport, Data data);
  void Sent(const Data& data, const SendReport& report);
  void Lost(const Data& data, const Error& why);
  // Until the time is over, another consumer had success, or (soon) when stopping.
  void Pause(std::chrono::microseconds pause);
  bool Expired();  // the drain's time is over

  const std::string id_;
  const Signal signal_;
  const SendingQueueOptions options_;
  const TransportFactory factory_;
  BoundedQueue<Data> queue_;
  std::vector<std::unique_ptr<Transport>> transports_;
  std::vector<Thread> threads_;
  Counter& sent_;
  Counter& send_failed_;
  Counter& enqueue_failed_;
  Counter& rejected_;
  Counter& retries_;
  Gauge& queue_size_;
  Gauge& in_flight_;
  std::atomic<uint64_t> lost_{0};

  Mutex mutex_;
  CondVar wake_;
  uint64_t successes_ GUARDED_BY(mutex_) = 0;
  std::optional<Time> deadline_ GUARDED_BY(mutex_);
};

}  // namespace beleg::collector
