#include "engine/llama/scheduler.h"

#include <gtest/gtest.h>

#include "base/thread.h"
#include "engine/llama/testing_model.h"
#include "engine/testing.h"

namespace beleg::engine {
namespace {

// A scheduler behind an inbox that lets any token through, so that a step can be made to fail.
class SchedulerTest : public testing::Test {
 protected:
  static constexpr int kSequences = 3;

  void SetUp() override {
    auto model = Model::Load(TestModelOptions());
    ASSERT_TRUE(model.has_value()) << model.error().message;
    model_ = std::move(*model);
    auto context = Context::Create(
        model_->get(),
        {.sequences_max = kSequences, .context_tokens = 256, .batch_tokens = 128 + kSequences, .threads = 1});
    ASSERT_TRUE(context.has_value()) << context.error().message;
    inbox_ = std::make_shared<Inbox>(Inbox::Limits{kSequences, 8, 256, std::numeric_limits<Token>::max()});
    scheduler_ = std::make_unique<Scheduler>(*model_, std::move(*context), inbox_, kSequences, 128);
    thread_ = Thread("engine", [this](std::stop_token) { scheduler_->Run(); });
  }
  void TearDown() override {
    inbox_->Close();
    thread_.Join();
  }

  GenerateRequest Ask(std::string_view text) const {
    GenerateRequest request;
    request.prompt = model_->vocabulary().Tokenize(text, false).value();
    request.max_tokens = 3;
    request.ignore_eos = true;
    request.sampling.temperature = 0;
    return request;
  }

  std::unique_ptr<Model> model_;
  std::shared_ptr<Inbox> inbox_;
  std::unique_ptr<Scheduler> scheduler_;
  Thread thread_;
};

TEST_F(SchedulerTest, FailedStepEndsItsCallsAndTheEngineGoesOn) {
  GenerateRequest bad = Ask("One two three");
  bad.prompt.push_back(1 << 30);  // no such token: llama.cpp refuses the batch
  bad.sequences = 2;
  CollectingSink failed;
  auto generation = inbox_->Submit(bad, failed).value();
  GenerateResult result = failed.WaitDone();
  EXPECT_EQ(result.sequences[0].reason, FinishReason::kError);
  EXPECT_EQ(result.sequences[1].reason, FinishReason::kError);
  EXPECT_NE(result.error, "");
  EXPECT_EQ(inbox_->running(), 0);

  CollectingSink sink;
  auto next = inbox_->Submit(Ask("One two three"), sink).value();
  result = sink.WaitDone();
  EXPECT_EQ(result.sequences[0].output_tokens, 3);
  EXPECT_EQ(result.cached_tokens, 0);  // nothing of the failed step is trusted
}

TEST_F(SchedulerTest, WhoWaitsForAPrefixGoesOnWhenItsMakerIsCancelled) {
  std::string prefix;
  for (int i = 0; i < 90; ++i) prefix += " voucher";
  CollectingSink first, second;
  auto a = inbox_->Submit(Ask(prefix + " one"), first).value();
  auto b = inbox_->Submit(Ask(prefix + " two"), second).value();
  a->Cancel();
  first.WaitDone();
  EXPECT_EQ(second.WaitDone().sequences[0].output_tokens, 3);
}

TEST_F(SchedulerTest, PlacesOfDestroyedGenerationsAreFreeAgain) {
  for (int round = 0; round < 3; ++round) {
    std::vector<CollectingSink> sinks(kSequences);
    std::vector<std::unique_ptr<Generation>> generations;
    for (auto& sink : sinks) generations.push_back(inbox_->Submit(Ask("One two three"), sink).value());
    generations.clear();
    for (auto& sink : sinks) EXPECT_TRUE(sink.done());
  }
  EXPECT_EQ(inbox_->running(), 0);
  EXPECT_EQ(scheduler_->stats().waiting, 0);
}

}  // namespace
}  // namespace beleg::engine
