// Each processor alone, in front of a consumer that the test controls.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collector/components.h"
#include "collector/testing.h"
#include "wire/testing.h"

namespace beleg::collector {
namespace {

using ::testing::HasSubstr;

// Takes until it is told to refuse.
class Collecting final : public Consumer {
 public:
  Result<void> Consume(Data&& data) override {
    MutexLock lock(mutex_);
    if (refuse_) return Fail(*refuse_, "told so");
    taken_.push_back(std::move(data));
    return {};
  }
  bool HasRoom(Signal, size_t) const override {
    MutexLock lock(mutex_);
    return !refuse_;
  }
  void Refuse(std::optional<ErrorCode> code) {
    MutexLock lock(mutex_);
    refuse_ = code;
  }
  std::vector<size_t> Sizes() const {
    MutexLock lock(mutex_);
    std::vector<size_t> out;
    for (const Data& data : taken_) {
      EXPECT_EQ(wire::otlp::CountItems(data.bytes).value(), data.items);
      out.push_back(data.items);
    }
    return out;
  }
  Data at(size_t i) const {
    MutexLock lock(mutex_);
    return taken_.at(i);
  }

 private:
  mutable Mutex mutex_;
  std::optional<ErrorCode> refuse_ GUARDED_BY(mutex_);
  std::vector<Data> taken_ GUARDED_BY(mutex_);
};

class ProcessorTest : public testing::Test {
 protected:
  void SetUp() override {
    world_.metrics = &metrics_;
    world_.clock = &clock_;
  }

  std::unique_ptr<Processor> Make(std::string_view type, std::string_view yaml) {
    const Component* component = FindComponent(ComponentKind::kProcessor, type);
    Problems problems;
    Settings settings =
        Settings::Read(component->table, wire::Yaml::Parse(yaml, "t").value(), type, problems);
    component->check(type, settings, problems);
    EXPECT_EQ(problems.Format("t"), "");
    auto out = component->processor(std::string(type), settings, Signal::kTraces, next_, world_);
    EXPECT_TRUE((*out)->Start().has_value());
    return std::move(*out);
  }

  static Data Spans(size_t count) {
    Data out;
    for (size_t i = 0; i < count; ++i) out.bytes += OneSpan(std::to_string(i));
    out.items = count;
    return out;
  }

  MetricRegistry metrics_;
  ManualClock clock_;
  World world_;
  Collecting next_;
};

using BatchTest = ProcessorTest;
using ResourceTest = ProcessorTest;
using MemoryLimiterTest = ProcessorTest;

TEST_F(BatchTest, SendsWhenFullAndNeverSplitsWithoutAMaximum) {
  auto batch = Make("batch", "{timeout: 1h, send_batch_size: 4}");
  ASSERT_TRUE(batch->Consume(Spans(3)).has_value());
  EXPECT_TRUE(next_.Sizes().empty());
  ASSERT_TRUE(batch->Consume(Spans(3)).has_value());
  EXPECT_EQ(next_.Sizes(), std::vector<size_t>{6});
}

TEST_F(BatchTest, TimeoutSendsWhatIsThere) {
  auto batch = Make("batch", "{timeout: 1ms, send_batch_size: 100}");
  ASSERT_TRUE(batch->Consume(Spans(2)).has_value());
  EXPECT_TRUE(Eventually([&] { return next_.Sizes() == std::vector<size_t>{2}; }));
}

TEST_F(BatchTest, TheMaximumSplits) {
  auto batch = Make("batch", "{timeout: 1h, send_batch_size: 4, send_batch_max_size: 4}");
  ASSERT_TRUE(batch->Consume(Spans(10)).has_value());
  EXPECT_EQ(next_.Sizes(), (std::vector<size_t>{4, 4, 2}));
}

TEST_F(BatchTest, WhatTheNextRefusesIsKeptAndAWholeBatchRefuses) {
  auto batch = Make("batch", "{timeout: 1h, send_batch_size: 4}");
  next_.Refuse(ErrorCode::kResourceExhausted);
  EXPECT_TRUE(batch->Consume(Spans(4)).has_value());
  EXPECT_FALSE(batch->HasRoom(Signal::kTraces, 1));
  Result<void> refused = batch->Consume(Spans(1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  next_.Refuse(std::nullopt);
  EXPECT_TRUE(batch->Consume(Spans(1)).has_value());
  EXPECT_EQ(next_.Sizes(), std::vector<size_t>{4});
  batch->Stop(std::chrono::milliseconds(1'000));
  EXPECT_EQ(next_.Sizes(), (std::vector<size_t>{4, 1}));
}

TEST_F(BatchTest, StopGivesUpAfterTheDrainAndCountsWhatIsLost) {
  auto batch = Make("batch", "{timeout: 1h, send_batch_size: 4}");
  next_.Refuse(ErrorCode::kUnavailable);
  ASSERT_TRUE(batch->Consume(Spans(4)).has_value());
  batch->Stop(std::chrono::milliseconds(1));
  EXPECT_TRUE(next_.Sizes().empty());
  EXPECT_THAT(metrics_.RenderPrometheus(),
              HasSubstr("otelcol_processor_dropped_spans{processor=\"batch\"} 4"));
}

TEST_F(BatchTest, WhatTheNextWillNeverTakeIsCountedAndTheRestGoesOn) {
  auto batch = Make("batch", "{timeout: 1h, send_batch_size: 2}");
  next_.Refuse(ErrorCode::kInvalidArgument);
  EXPECT_TRUE(batch->Consume(Spans(2)).has_value());
  next_.Refuse(std::nullopt);
  EXPECT_TRUE(batch->Consume(Spans(3)).has_value());
  EXPECT_EQ(next_.Sizes(), std::vector<size_t>{3});
  EXPECT_THAT(metrics_.RenderPrometheus(),
              HasSubstr("otelcol_processor_dropped_spans{processor=\"batch\"} 2"));
}

// One pass, whatever the sizes: cutting batch after batch from the front would copy a terabyte here.
TEST_F(BatchTest, AHugeRequestIsSplitInOnePass) {
  auto batch = Make("batch", "{timeout: 1h, send_batch_size: 1, send_batch_max_size: 1}");
  constexpr size_t kSpans = 100'000;
  Data huge = Spans(1);
  while (huge.items < kSpans) {
    huge.bytes += huge.bytes;
    huge.items *= 2;
  }
  const size_t items = huge.items;
  ASSERT_TRUE(batch->Consume(std::move(huge)).has_value());
  EXPECT_EQ(next_.Sizes(), std::vector<size_t>(items, 1));
}

TEST_F(ResourceTest, ActionsRunInTheirOrder) {
  auto resource = Make("resource", R"(
attributes:
  - {key: copy, from_attribute: service.name, action: insert}
  - {key: none, from_attribute: missing, action: upsert}
  - {key: service.name, action: delete}
  - {key: yes, value: true, action: upsert}
  - {key: half, value: 0.5, action: upsert}
  - {key: text, value: "7", action: upsert}
)");
  ASSERT_TRUE(resource->Consume(Spans(1)).has_value());
  wire::otlp::Attributes want = {{"copy", "vllm"}, {"yes", true}, {"half", 0.5}, {"text", "7"}};
  EXPECT_EQ(wire::otlp::DecodeTraces(next_.at(0).bytes).value()[0].resource, want);
}

TEST_F(MemoryLimiterTest, RefusesAboveItsLimitAlone) {
  auto small = Make("memory_limiter", "{limit_mib: 1, check_interval: 1s}");
  Result<void> refused = small->Consume(Spans(1));
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  auto large = Make("memory_limiter", "{limit_mib: 1000000, check_interval: 1s}");
  EXPECT_TRUE(large->Consume(Spans(1)).has_value());
}

// A fan-out asks before it gives, so that its other branches do not take what is then refused and comes again.
TEST_F(MemoryLimiterTest, HasNoRoomAboveItsLimit) {
  EXPECT_FALSE(Make("memory_limiter", "{limit_mib: 1}")->HasRoom(Signal::kTraces, 1));
  EXPECT_TRUE(Make("memory_limiter", "{limit_mib: 1000000}")->HasRoom(Signal::kTraces, 1));
}

}  // namespace
}  // namespace beleg::collector
