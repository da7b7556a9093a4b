#include "collector/queue/sending_queue.h"

#include <set>

#include <gtest/gtest.h>

#include "collector/testing.h"

namespace beleg::collector {
namespace {

// What the peer answers, and what it was sent; all consumers' transports share it.
class Peer {
 public:
  std::function<SendResult(const Data&)> answer = [](const Data&) { return SendReport{}; };

  SendResult Take(const Data& data) {
    {
      MutexLock lock(mutex_);
      while (blocked_ && !cancelled_) wake_.Wait(mutex_);
      if (cancelled_)
        return std::unexpected(SendFailure{{ErrorCode::kCancelled, "cancelled"}, false, false, false, {}});
      ++calls_;
    }
    SendResult out = answer(data);
    MutexLock lock(mutex_);
    if (out) items_ += data.items;
    return out;
  }
  void Block(bool blocked) {
    MutexLock lock(mutex_);
    blocked_ = blocked;
    wake_.NotifyAll();
  }
  void Cancel() {
    MutexLock lock(mutex_);
    cancelled_ = true;
    wake_.NotifyAll();
  }
  size_t items() const {
    MutexLock lock(mutex_);
    return items_;
  }
  size_t calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }

 private:
  mutable Mutex mutex_;
  CondVar wake_;
  bool blocked_ GUARDED_BY(mutex_) = false;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  size_t items_ GUARDED_BY(mutex_) = 0, calls_ GUARDED_BY(mutex_) = 0;
};

class PeerTransport final : public Transport {
 public:
  explicit PeerTransport(Peer& peer) : peer_(peer) {}
  SendResult Send(const Data& data) override { return peer_.Take(data); }
  void Cancel() override { peer_.Cancel(); }

 private:
  Peer& peer_;
};

class SendingQueueTest : public testing::Test {
 protected:
  std::unique_ptr<SendingQueue> Make(SendingQueueOptions options) {
    world_.metrics = &metrics_;
    options.retry_first = options.retry_max = std::chrono::milliseconds(5);
    auto factory = [this]() -> Result<std::unique_ptr<Transport>> {
      return std::make_unique<PeerTransport>(peer_);
    };
    auto out = std::make_unique<SendingQueue>("x", Signal::kTraces, options, factory, world_);
    EXPECT_TRUE(out->Start().has_value());
    return out;
  }
  static Data Spans(size_t count) {
    Data out;
    for (size_t i = 0; i < count; ++i) out.bytes += OneSpan(std::to_string(i));
    out.items = count;
    return out;
  }
  bool Shows(std::string_view line) { return metrics_.RenderPrometheus().find(line) != std::string::npos; }

  MetricRegistry metrics_;
  World world_;
  Peer peer_;
};

SendFailure Failure(bool permanent, bool splittable = false) {
  return {{ErrorCode::kUnavailable, "no"}, permanent, splittable, false, {}};
}

TEST_F(SendingQueueTest, TransientFailuresAreTriedAgain) {
  std::atomic<int> failures{3};
  peer_.answer = [&](const Data&) -> SendResult {
    if (failures.fetch_sub(1) > 0) return std::unexpected(Failure(false));
    return SendReport{};
  };
  auto queue = Make({});
  ASSERT_TRUE(queue->Consume(Spans(2)).has_value());
  EXPECT_TRUE(Eventually([&] { return peer_.items() == 2; }));
}

TEST_F(SendingQueueTest, APeerThatAsksForAnEndlessPauseIsNotCalledInAHotLoop) {
  peer_.answer = [](const Data&) -> SendResult {
    SendFailure failure = Failure(false);
    failure.retry_after = std::chrono::hours(24 * 365) * 400;  // more nanoseconds than 63 bits hold
    return std::unexpected(failure);
  };
  auto queue = Make({.consumers = 1});
  ASSERT_TRUE(queue->Consume(Spans(1)).has_value());
  EXPECT_TRUE(Eventually([&] { return Shows("otelcol_exporter_retries{exporter=\"x\"} 1"); }));
  queue->Stop(std::chrono::milliseconds(0));
  EXPECT_EQ(peer_.calls(), 1u);
}

TEST_F(SendingQueueTest, FullIsToldAndCounted) {
  peer_.Block(true);
  auto queue = Make({.batches_max = 2, .consumers = 1});
  size_t taken = 0;
  Result<void> last;
  for (int i = 0; i < 10 && last; ++i) {
    last = queue->Consume(Spans(1));
    taken += last ? 1 : 0;
  }
  ASSERT_FALSE(last.has_value());
  EXPECT_EQ(last.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(queue->HasRoom(Signal::kTraces, 1));
  EXPECT_TRUE(Shows("otelcol_exporter_enqueue_failed_spans{exporter=\"x\"} 1"));
  peer_.Block(false);
  EXPECT_TRUE(Eventually([&] { return peer_.items() == taken; }));
}

TEST_F(SendingQueueTest, BytesAreALimitToo) {
  peer_.Block(true);
  auto queue = Make({.bytes_max = 1, .consumers = 1});
  ASSERT_TRUE(queue->Consume(Spans(1)).has_value());
  ASSERT_TRUE(
      Eventually([&] { return queue->Consume(Spans(1)).has_value(); }));  // once the first is on its way
  EXPECT_FALSE(queue->Consume(Spans(1)).has_value());
  peer_.Block(false);
}

TEST_F(SendingQueueTest, AWrongItemIsFoundByHalving) {
  peer_.answer = [](const Data& data) -> SendResult {
    auto scopes = wire::otlp::DecodeTraces(data.bytes).value();
    for (const auto& scope : scopes)
      for (const auto& span : scope.spans)
        if (span.name == "5") return std::unexpected(Failure(true, true));
    return SendReport{};
  };
  auto queue = Make({});
  ASSERT_TRUE(queue->Consume(Spans(8)).has_value());
  EXPECT_TRUE(Eventually([&] { return peer_.items() == 7; }));
  EXPECT_TRUE(Eventually([&] { return Shows("otelcol_exporter_send_failed_spans{exporter=\"x\"} 1\n"); }));
}

TEST_F(SendingQueueTest, PartialSuccessIsCounted) {
  peer_.answer = [](const Data&) -> SendResult { return SendReport{3, "too old"}; };
  auto queue = Make({});
  ASSERT_TRUE(queue->Consume(Spans(8)).has_value());
  EXPECT_TRUE(Eventually([&] { return Shows("otelcol_exporter_sent_spans{exporter=\"x\"} 5\n"); }));
  EXPECT_TRUE(Shows("otelcol_exporter_rejected_spans{exporter=\"x\"} 3\n"));
}

TEST_F(SendingQueueTest, ATimeLimitEndsRetries) {
  peer_.answer = [](const Data&) -> SendResult { return std::unexpected(Failure(false)); };
  auto queue = Make({.retry_for = std::chrono::milliseconds(20)});
  ASSERT_TRUE(queue->Consume(Spans(1)).has_value());
  EXPECT_TRUE(Eventually([&] { return Shows("otelcol_exporter_send_failed_spans{exporter=\"x\"} 1\n"); }));
}

TEST_F(SendingQueueTest, StopSendsWhatIsInside) {
  peer_.Block(true);
  auto queue = Make({.consumers = 1});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(queue->Consume(Spans(1)).has_value());
  peer_.Block(false);
  queue->Stop(std::chrono::milliseconds(10'000));
  EXPECT_EQ(peer_.items(), 5u);
  EXPECT_FALSE(queue->Consume(Spans(1)).has_value());
}

TEST_F(SendingQueueTest, StopEndsWhenThePeerDoesNot) {
  peer_.Block(true);
  auto queue = Make({});
  ASSERT_TRUE(queue->Consume(Spans(1)).has_value());
  queue->Stop(std::chrono::milliseconds(10));
  EXPECT_EQ(peer_.items(), 0u);
  EXPECT_TRUE(Shows("otelcol_exporter_send_failed_spans{exporter=\"x\"} 1\n"));
}

}  // namespace
}  // namespace beleg::collector
