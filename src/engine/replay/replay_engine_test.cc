#include "engine/replay/replay_engine.h"

#include <optional>

#include <gtest/gtest.h>

#include "base/clock.h"
#include "engine/testing.h"

namespace beleg::engine {
namespace {

GenerateRequest Ask(const Engine& engine, std::string_view text, int64_t max_tokens = 1000) {
  GenerateRequest request;
  request.prompt = engine.Tokenize(text, true).value();
  request.max_tokens = max_tokens;
  return request;
}

struct Done {
  GenerateResult result;
  CollectingSink::Sequence sequence;
};

Done Generate(Engine& engine, GenerateRequest request) {
  CollectingSink sink;
  auto generation = engine.Start(std::move(request), sink);
  CHECK(generation.has_value(), "the request is good");
  GenerateResult result = sink.WaitDone();
  return {result, sink.sequence()};
}

TEST(ReplayEngine, AnswersWithItsOwnText) {
  auto engine = OpenReplay({});
  Done done = Generate(*engine, Ask(*engine, "tell me something"));
  EXPECT_EQ(done.sequence.text,
            "A voucher proves that a payment was made; without it the books tell a story that");
  EXPECT_EQ(done.sequence.tokens, 16);
  EXPECT_EQ(done.sequence.result.output_tokens, 16);
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kStop);
  EXPECT_EQ(done.result.prompt_tokens, 3);
  EXPECT_EQ(done.result.cached_tokens, 0);
  EXPECT_EQ(done.result.error, "");
  EXPECT_GE(done.result.queue_us, 0);
  EXPECT_GE(done.result.prefill_us, 0);
  EXPECT_GE(done.result.decode_us, 0);
}

TEST(ReplayEngine, SameRequestGivesTheSameTextHoweverItIsCut) {
  auto one = OpenReplay({.tokens_per_step = 1});
  auto many = OpenReplay({.tokens_per_step = 64});
  Done a = Generate(*one, Ask(*one, "REPLAY:TOKENS=200"));
  Done b = Generate(*many, Ask(*many, "REPLAY:TOKENS=200"));
  EXPECT_EQ(a.sequence.text, b.sequence.text);
  EXPECT_EQ(a.sequence.pieces, 200);
  EXPECT_EQ(b.sequence.pieces, 4);
  EXPECT_EQ(b.sequence.tokens, 200);
  EXPECT_TRUE(IsUtf8(b.sequence.text));
}

TEST(ReplayEngine, TokenIsAWord) {
  auto engine = OpenReplay({});
  EXPECT_EQ(engine->Tokenize("  one two\n\tthree ", false)->size(), 3u);
  EXPECT_EQ(engine->Tokenize("", false)->size(), 0u);
  EXPECT_EQ(*engine->Tokenize("same same", false), *engine->Tokenize("same\nsame", true));
}

TEST(ReplayEngine, RenderHoldsTheMessagesAndOrders) {
  auto engine = OpenReplay({});
  auto text = engine->Render({{"system", "Be short."}, {"user", "REPLAY:TOKENS=2"}});
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(*text, "<|system|> Be short. <|end|> <|user|> REPLAY:TOKENS=2 <|end|> <|assistant|>");
  EXPECT_EQ(Generate(*engine, Ask(*engine, *text)).sequence.text, "A voucher");
}

TEST(ReplayEngine, RenderRefusesAnUnknownRole) {
  auto engine = OpenReplay({});
  auto text = engine->Render({{"wizard", "hm"}});
  ASSERT_FALSE(text.has_value());
  EXPECT_EQ(text.error().code, ErrorCode::kInvalidArgument);
}

TEST(ReplayEngine, MaxTokensCutsTheAnswer) {
  auto engine = OpenReplay({});
  Done done = Generate(*engine, Ask(*engine, "x REPLAY:TOKENS=50", 3));
  EXPECT_EQ(done.sequence.text, "A voucher proves");
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kLength);
  EXPECT_EQ(done.sequence.result.output_tokens, 3);
}

TEST(ReplayEngine, ContextCutsTheAnswer) {
  auto engine = OpenReplay({.context_tokens = 6});
  Done done = Generate(*engine, Ask(*engine, "two words"));
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kLength);
  EXPECT_EQ(done.sequence.result.output_tokens, 4);
}

TEST(ReplayEngine, IgnoreEosGoesOnToMaxTokens) {
  auto engine = OpenReplay({});
  GenerateRequest request = Ask(*engine, "REPLAY:TOKENS=2", 100);
  request.ignore_eos = true;
  Done done = Generate(*engine, request);
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kLength);
  EXPECT_EQ(done.sequence.result.output_tokens, 100);
}

TEST(ReplayEngine, EmptyAnswerIsAnAnswer) {
  auto engine = OpenReplay({});
  Done done = Generate(*engine, Ask(*engine, "REPLAY:TOKENS=0"));
  EXPECT_EQ(done.sequence.text, "");
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kStop);
  EXPECT_EQ(done.result.decode_us, -1);
}

TEST(ReplayEngine, StopTextEndsTheAnswer) {
  auto engine = OpenReplay({});
  GenerateRequest request = Ask(*engine, "x");
  request.stop = {"never said", "ves that"};
  Done done = Generate(*engine, request);
  EXPECT_EQ(done.sequence.text, "A voucher pro");
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kStop);
  EXPECT_EQ(done.sequence.result.output_tokens, 4);
}

TEST(ReplayEngine, HeldBackTextComesAtTheEnd) {
  auto engine = OpenReplay({});
  GenerateRequest request = Ask(*engine, "x", 3);
  request.stop = {"proves nothing"};
  Done done = Generate(*engine, request);
  EXPECT_EQ(done.sequence.text, "A voucher proves");
  EXPECT_EQ(done.sequence.tokens, 3);
}

TEST(ReplayEngine, SequencesDifferAndEndApart) {
  auto engine = OpenReplay({});
  GenerateRequest request = Ask(*engine, "x", 4);
  request.sequences = 3;
  request.stop = {"A voucher"};
  CollectingSink sink;
  auto generation = engine->Start(request, sink);
  GenerateResult result = sink.WaitDone();
  ASSERT_EQ(result.sequences.size(), 3u);
  EXPECT_EQ(sink.text(0), "");
  EXPECT_EQ(sink.text(1), "voucher proves that a");
  EXPECT_EQ(sink.text(2), "proves that a payment");
  EXPECT_EQ(result.sequences[0].reason, FinishReason::kStop);
  EXPECT_EQ(result.sequences[0].output_tokens, 2);
  EXPECT_EQ(result.sequences[1].reason, FinishReason::kLength);
  EXPECT_EQ(result.sequences[2].output_tokens, 4);
}

TEST(ReplayEngine, FailsWhereThePromptSays) {
  auto engine = OpenReplay({});
  Done done = Generate(*engine, Ask(*engine, "REPLAY:FAIL_AT=3"));
  EXPECT_EQ(done.sequence.text, "A voucher proves");
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kError);
  EXPECT_EQ(done.sequence.result.output_tokens, 3);
  EXPECT_NE(done.result.error, "");
  Done at_once = Generate(*engine, Ask(*engine, "REPLAY:FAIL_AT=0"));
  EXPECT_EQ(at_once.sequence.result.reason, FinishReason::kError);
  EXPECT_EQ(at_once.sequence.result.output_tokens, 0);
}

TEST(ReplayEngine, LastOrderCountsAndBadOrdersAreWords) {
  auto engine = OpenReplay({});
  constexpr std::string_view kPrompt =
      "REPLAY:TOKENS=9 REPLAY:TOKENS=2 REPLAY:TOKENS= REPLAY:TOKENS=999999999999 REPLAY:NO";
  Done done = Generate(*engine, Ask(*engine, kPrompt));
  EXPECT_EQ(done.sequence.result.output_tokens, 2);
}

TEST(ReplayEngine, DelayParts) {
  auto engine = OpenReplay({});
  int64_t start_us = SystemClock().MonoMicros();
  Done done = Generate(*engine, Ask(*engine, "REPLAY:DELAY_MS=5 REPLAY:TOKENS=5"));
  EXPECT_GE(SystemClock().MonoMicros() - start_us, 4 * 5000);
  EXPECT_GE(done.result.decode_us, 4 * 5000);
  EXPECT_EQ(done.sequence.pieces, 5);
}

TEST(ReplayEngine, HangingAnswerEndsByCancel) {
  auto engine = OpenReplay({});
  CollectingSink sink;
  auto generation = engine->Start(Ask(*engine, "REPLAY:HANG"), sink);
  ASSERT_TRUE(generation.has_value());
  EXPECT_EQ(engine->stats().running, 1);
  EXPECT_FALSE(sink.done());
  (*generation)->Cancel();
  GenerateResult result = sink.WaitDone();
  EXPECT_EQ(result.sequences[0].reason, FinishReason::kCancelled);
  EXPECT_EQ(engine->stats().running, 0);
}

TEST(ReplayEngine, CancelMidwayKeepsTheCount) {
  auto engine = OpenReplay({});
  CollectingSink sink;
  auto generation = engine->Start(Ask(*engine, "REPLAY:DELAY_MS=1 REPLAY:TOKENS=1000000", 1'000'000), sink);
  sink.WaitPieces(3);
  (*generation)->Cancel();
  GenerateResult result = sink.WaitDone();
  EXPECT_EQ(result.sequences[0].reason, FinishReason::kCancelled);
  EXPECT_GE(result.sequences[0].output_tokens, 3);
  EXPECT_EQ(result.sequences[0].output_tokens, sink.sequence().tokens);
}

TEST(ReplayEngine, DestroyedGenerationIsOver) {
  auto engine = OpenReplay({});
  CollectingSink sink;
  { auto generation = engine->Start(Ask(*engine, "REPLAY:HANG"), sink); }
  EXPECT_TRUE(sink.done());
}

TEST(ReplayEngine, CancelAfterTheEndChangesNothing) {
  auto engine = OpenReplay({});
  CollectingSink sink;
  auto generation = engine->Start(Ask(*engine, "x"), sink);
  sink.WaitDone();
  (*generation)->Cancel();
  generation->reset();
  EXPECT_EQ(sink.sequence().result.reason, FinishReason::kStop);
}

// Gives its generation up in the middle of a call: the sink must not be called again.
class LeavingSink final : public GenerationSink {
 public:
  void OnText(int, std::string_view, int64_t) override {
    MutexLock lock(mutex_);
    ++calls_;
    while (!generation_) there_.Wait(mutex_);
    generation_.reset();
  }
  void OnSequenceDone(int, const SequenceResult&) override { Count(); }
  void OnDone(const GenerateResult&) override { Count(); }
  void Give(std::unique_ptr<Generation> generation) {
    MutexLock lock(mutex_);
    generation_ = std::move(generation);
    there_.NotifyAll();
  }
  int calls() {
    MutexLock lock(mutex_);
    return calls_;
  }

 private:
  void Count() {
    MutexLock lock(mutex_);
    ++calls_;
  }
  Mutex mutex_;
  CondVar there_;
  std::unique_ptr<Generation> generation_ GUARDED_BY(mutex_);
  int calls_ GUARDED_BY(mutex_) = 0;
};

TEST(ReplayEngine, GenerationDestroyedInItsSinkIsNotHeardAgain) {
  auto engine = OpenReplay({.tokens_per_step = 1});
  LeavingSink sink;
  sink.Give(engine->Start(Ask(*engine, "REPLAY:TOKENS=5"), sink).value());
  Generate(*engine, Ask(*engine, "REPLAY:TOKENS=20"));  // runs beside it and ends later
  EXPECT_EQ(sink.calls(), 1);
  EXPECT_EQ(engine->stats().running, 0);
}

TEST(ReplayEngine, WaitingGenerationsRunInOrderWhenThereIsRoom) {
  auto engine = OpenReplay({.sequences_max = 1, .waiting_max = 2});
  CollectingSink first, second, third;
  auto a = engine->Start(Ask(*engine, "REPLAY:HANG"), first);
  auto b = engine->Start(Ask(*engine, "x"), second);
  auto c = engine->Start(Ask(*engine, "x"), third);
  EXPECT_EQ(engine->stats().running, 1);
  EXPECT_EQ(engine->stats().waiting, 2);
  (*a)->Cancel();
  EXPECT_EQ(second.WaitDone().sequences[0].reason, FinishReason::kStop);
  EXPECT_EQ(third.WaitDone().sequences[0].reason, FinishReason::kStop);
}

TEST(ReplayEngine, FullQueueRefuses) {
  auto engine = OpenReplay({.sequences_max = 1, .waiting_max = 1});
  CollectingSink sink;
  auto a = engine->Start(Ask(*engine, "REPLAY:HANG"), sink);
  CollectingSink waiting, refused;
  auto b = engine->Start(Ask(*engine, "x"), waiting);
  auto c = engine->Start(Ask(*engine, "x"), refused);
  ASSERT_FALSE(c.has_value());
  EXPECT_EQ(c.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(refused.done());
}

TEST(ReplayEngine, NoPlaceToWaitStillRunsWhatFits) {
  auto engine = OpenReplay({.sequences_max = 2, .waiting_max = 0});
  CollectingSink a, b, c;
  auto first = engine->Start(Ask(*engine, "REPLAY:HANG"), a);
  auto second = engine->Start(Ask(*engine, "REPLAY:HANG"), b);
  EXPECT_TRUE(first.has_value() && second.has_value());
  EXPECT_FALSE(engine->Start(Ask(*engine, "x"), c).has_value());
}

TEST(ReplayEngine, CancelledWhileWaitingNeverRuns) {
  auto engine = OpenReplay({.sequences_max = 1, .waiting_max = 4});
  CollectingSink sink, waiting, last;
  auto a = engine->Start(Ask(*engine, "REPLAY:HANG"), sink);
  auto b = engine->Start(Ask(*engine, "x"), waiting);
  auto c = engine->Start(Ask(*engine, "x"), last);
  (*b)->Cancel();
  GenerateResult result = waiting.WaitDone();
  EXPECT_EQ(result.sequences[0].reason, FinishReason::kCancelled);
  EXPECT_EQ(result.queue_us, -1);
  (*a)->Cancel();
  EXPECT_EQ(last.WaitDone().sequences[0].reason, FinishReason::kStop);
}

TEST(ReplayEngine, WideRequestIsNotOvertakenForEver) {
  auto engine = OpenReplay({.sequences_max = 2, .waiting_max = 4});
  CollectingSink hang, wide, narrow;
  auto a = engine->Start(Ask(*engine, "REPLAY:HANG"), hang);
  GenerateRequest two = Ask(*engine, "x");
  two.sequences = 2;
  auto b = engine->Start(two, wide);
  auto c = engine->Start(Ask(*engine, "x"), narrow);  // would fit, but the wide one is first
  EXPECT_EQ(engine->stats().waiting, 2);
  (*a)->Cancel();
  wide.WaitDone();
  narrow.WaitDone();
}

TEST(ReplayEngine, BadRequestsAreRefused) {
  auto engine = OpenReplay({.sequences_max = 4, .context_tokens = 4});
  CollectingSink sink;
  auto refuses = [&](GenerateRequest request) {
    auto generation = engine->Start(std::move(request), sink);
    return !generation && generation.error().code == ErrorCode::kInvalidArgument;
  };
  EXPECT_TRUE(refuses(Ask(*engine, "")));
  EXPECT_TRUE(refuses(Ask(*engine, "one two three four")));
  EXPECT_TRUE(refuses(Ask(*engine, "x", 0)));
  GenerateRequest request = Ask(*engine, "x");
  request.sequences = 5;
  EXPECT_TRUE(refuses(request));
  request.sequences = 0;
  EXPECT_TRUE(refuses(request));
  request.sequences = 1;
  request.prompt = {-1};
  EXPECT_TRUE(refuses(request));
  request = Ask(*engine, "x");
  request.stop = {"\xFF"};
  EXPECT_TRUE(refuses(request));
  EXPECT_FALSE(refuses(Ask(*engine, "one two three")));
}

TEST(ReplayEngine, EndOfTheEngineEndsWhatRunsAndWaits) {
  auto engine = OpenReplay({.sequences_max = 1});
  CollectingSink running, waiting;
  auto a = engine->Start(Ask(*engine, "REPLAY:HANG"), running);
  auto b = engine->Start(Ask(*engine, "x"), waiting);
  engine.reset();
  EXPECT_EQ(running.WaitDone().sequences[0].reason, FinishReason::kError);
  EXPECT_EQ(waiting.WaitDone().sequences[0].reason, FinishReason::kError);
  (*a)->Cancel();  // the handle may outlive the engine
}

TEST(ReplayEngine, ManyRequestsAtOnceAllFinish) {
  auto engine = OpenReplay({.sequences_max = 8, .waiting_max = 1000});
  std::vector<CollectingSink> sinks(500);
  std::vector<std::unique_ptr<Generation>> generations;
  for (auto& sink : sinks)
    generations.push_back(engine->Start(Ask(*engine, "REPLAY:TOKENS=40"), sink).value());
  for (auto& sink : sinks) EXPECT_EQ(sink.WaitDone().sequences[0].output_tokens, 40);
  EXPECT_EQ(engine->stats().running, 0);
  EXPECT_EQ(engine->stats().waiting, 0);
  EXPECT_EQ(engine->stats().prefix_queried_tokens, 500);
}

TEST(FinishReason, NamesAreVllms) {
  EXPECT_EQ(FinishReasonName(FinishReason::kStop), "stop");
  EXPECT_EQ(FinishReasonName(FinishReason::kLength), "length");
  EXPECT_EQ(FinishReasonName(FinishReason::kCancelled), "abort");
  EXPECT_EQ(FinishReasonName(FinishReason::kError), "error");
}

}  // namespace
}  // namespace beleg::engine
