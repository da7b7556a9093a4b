#include "engine/llama/llama_engine.h"

#include <filesystem>
#include <fstream>
#include <list>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/llama/testing_model.h"
#include "engine/testing.h"

namespace beleg::engine {
namespace {

// One engine for all tests of the suite: they leave no generation behind.
class LlamaEngine : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto opened = OpenLlama(TestModelOptions());
    ASSERT_TRUE(opened.has_value()) << opened.error().message;
    engine_ = opened->release();
  }
  static void TearDownTestSuite() { std::unique_ptr<Engine>(engine_).reset(); }

  static GenerateRequest Greedy(std::string_view text, int64_t max_tokens) {
    GenerateRequest request;
    request.prompt = engine_->Tokenize(text, true).value();
    request.max_tokens = max_tokens;
    request.sampling.temperature = 0;
    return request;
  }
  static GenerateRequest Chat(std::string_view question, int64_t max_tokens) {
    return Greedy(engine_->Render({{"user", std::string(question)}}).value(), max_tokens);
  }

  struct Done {
    GenerateResult result;
    CollectingSink::Sequence sequence;
  };
  static Done Generate(GenerateRequest request) {
    CollectingSink sink;
    auto generation = engine_->Start(std::move(request), sink);
    CHECK(generation.has_value(), "the request is good");
    GenerateResult result = sink.WaitDone();
    return {result, sink.sequence()};
  }

  static inline Engine* engine_ = nullptr;
};

TEST_F(LlamaEngine, AnswersAQuestion) {
  Done done = Generate(Chat("What is the capital of France? Answer in one word.", 24));
  EXPECT_THAT(done.sequence.text, testing::HasSubstr("Paris"));
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kStop);
  EXPECT_GT(done.sequence.result.output_tokens, 1);
  EXPECT_GT(done.result.prompt_tokens, 10);
  EXPECT_GE(done.result.queue_us, 0);
  EXPECT_GT(done.result.prefill_us, 0);
  EXPECT_GT(done.result.decode_us, 0);
  EXPECT_EQ(done.result.error, "");
}

TEST_F(LlamaEngine, SaysWhatTheModelIs) {
  const ModelInfo& info = engine_->model();
  EXPECT_EQ(info.name, "smollm2-135m-instruct");
  EXPECT_EQ(info.file, "smollm2-135m-instruct.gguf");
  EXPECT_EQ(info.weights_bytes, std::filesystem::file_size(TestModelPath()));
  EXPECT_NE(info.weights_sha256, Hash32{});
  EXPECT_NE(info.tokenizer_sha256, Hash32{});
  EXPECT_NE(info.chat_template_sha256, Hash32{});
  EXPECT_EQ(info.engine_name, "llama.cpp");
  EXPECT_NE(info.engine_version, "");
  EXPECT_EQ(info.context_tokens, 256);
  EXPECT_NEAR(static_cast<double>(info.parameter_count), 135e6, 2e6);
}

TEST_F(LlamaEngine, GreedyIsDeterministicAlone) {
  Done first = Generate(Greedy("Once upon a time", 12));
  Done second = Generate(Greedy("Once upon a time", 12));
  EXPECT_EQ(first.sequence.text, second.sequence.text);
  EXPECT_EQ(first.sequence.result.reason, FinishReason::kLength);
  EXPECT_EQ(first.sequence.result.output_tokens, 12);
  EXPECT_EQ(first.sequence.tokens, 12);
}

// The texts may differ from those made alone: with another batch llama.cpp adds in another order, and two nearly
// equally likely tokens may change places. So only that each is whole is asked.
TEST_F(LlamaEngine, SixteenAtOnceAllFinish) {
  std::list<CollectingSink> sinks(16);
  std::vector<std::unique_ptr<Generation>> generations;
  int count = 0;
  for (auto& sink : sinks) {
    auto request = Greedy(fmt::format("Story number {} begins like this: The", ++count), 6);
    request.ignore_eos = true;
    generations.push_back(engine_->Start(std::move(request), sink).value());
  }
  EXPECT_EQ(engine_->stats().running, 16);
  for (auto& sink : sinks) {
    GenerateResult result = sink.WaitDone();
    EXPECT_EQ(result.sequences[0].reason, FinishReason::kLength);
    EXPECT_EQ(result.sequences[0].output_tokens, 6);
    EXPECT_TRUE(IsUtf8(sink.text()));
    EXPECT_NE(sink.text(), "");
  }
  EXPECT_EQ(engine_->stats().running, 0);
}

TEST_F(LlamaEngine, MoreThanFitWaitTheirTurn) {
  std::list<CollectingSink> sinks(24);
  std::vector<std::unique_ptr<Generation>> generations;
  for (auto& sink : sinks) generations.push_back(engine_->Start(Greedy("One two three", 3), sink).value());
  EXPECT_GT(engine_->stats().waiting, 0);
  for (auto& sink : sinks) EXPECT_EQ(sink.WaitDone().sequences[0].output_tokens, 3);
}

TEST_F(LlamaEngine, CancelEndsSoonAndFreesThePlace) {
  CollectingSink sink;
  auto request = Greedy("A very long story:", 200);
  request.ignore_eos = true;
  auto generation = engine_->Start(std::move(request), sink).value();
  sink.WaitPieces(3);
  EXPECT_GT(engine_->stats().kv_cache_usage, 0);
  generation->Cancel();
  GenerateResult result = sink.WaitDone();
  EXPECT_EQ(result.sequences[0].reason, FinishReason::kCancelled);
  EXPECT_GE(result.sequences[0].output_tokens, 3);
  EXPECT_LT(result.sequences[0].output_tokens, 200);
  EXPECT_EQ(engine_->stats().running, 0);
}

TEST_F(LlamaEngine, DestroyedGenerationIsOver) {
  CollectingSink sink;
  { auto generation = engine_->Start(Greedy("A very long story:", 200), sink).value(); }
  EXPECT_TRUE(sink.done());
}

TEST_F(LlamaEngine, StopTextEndsTheAnswer) {
  auto request = Greedy("1, 2, 3, 4, 5, 6, 7, 8,", 16);
  Done whole = Generate(request);
  size_t ten = whole.sequence.text.find(" 10");
  ASSERT_NE(ten, std::string::npos) << whole.sequence.text;
  request.stop = {" 10"};
  Done stopped = Generate(request);
  EXPECT_EQ(stopped.sequence.text, whole.sequence.text.substr(0, ten));
  EXPECT_EQ(stopped.sequence.result.reason, FinishReason::kStop);
  EXPECT_LT(stopped.sequence.result.output_tokens, 16);
}

TEST_F(LlamaEngine, ContextEndsTheAnswer) {
  std::string text;
  for (int i = 0; i < 250; ++i) text += " the";
  auto request = Greedy(text, 1000);
  ASSERT_LT(request.prompt.size(), 256u);
  auto room = 256 - static_cast<int64_t>(request.prompt.size());
  request.ignore_eos = true;
  Done done = Generate(request);
  EXPECT_EQ(done.sequence.result.reason, FinishReason::kLength);
  EXPECT_EQ(done.sequence.result.output_tokens, room);
}

TEST_F(LlamaEngine, PromptLongerThanTheContextIsRefused) {
  GenerateRequest request = Greedy("x", 1);
  request.prompt.assign(256, request.prompt[0]);
  CollectingSink sink;
  auto generation = engine_->Start(request, sink);
  ASSERT_FALSE(generation.has_value());
  EXPECT_EQ(generation.error().code, ErrorCode::kInvalidArgument);
  request.prompt.resize(255);
  EXPECT_EQ(Generate(request).sequence.result.output_tokens, 1);
}

TEST_F(LlamaEngine, SharedPrefixIsTakenFromTheCache) {
  std::string prefix =
      "You are a careful clerk who files every voucher, line by line, and answers questions about them "
      "in short sentences. You never guess, and you say so when a voucher is missing. Question: ";
  Done cold = Generate(Greedy(prefix + "what is a ledger?", 4));
  EngineStats before = engine_->stats();
  Done warm = Generate(Greedy(prefix + "who keeps it?", 4));
  EXPECT_GE(warm.result.cached_tokens, 30);
  EXPECT_LT(warm.result.cached_tokens, warm.result.prompt_tokens);
  EngineStats after = engine_->stats();
  EXPECT_EQ(after.prefix_hit_tokens - before.prefix_hit_tokens, warm.result.cached_tokens);
  EXPECT_EQ(after.prefix_queried_tokens - before.prefix_queried_tokens, warm.result.prompt_tokens);
}

TEST_F(LlamaEngine, ReusedPrefixGivesTheSameAnswer) {
  auto request = Greedy("The quick brown fox jumps over the lazy dog. The quick brown", 8);
  Done first = Generate(request);
  Done second = Generate(request);
  EXPECT_GT(second.result.cached_tokens, 0);
  EXPECT_EQ(first.sequence.text, second.sequence.text);
}

// All come at once, so nobody finds the prefix computed: the first computes it, the others wait for it and copy.
TEST_F(LlamaEngine, ColdPrefixIsComputedOnceForAllWhoComeTogether) {
  std::string prefix =
      "In the archive of the harbour town there were exactly ninety-one shelves, and on each shelf lay the "
      "papers of one ship, tied with a red ribbon, sorted by the year of its last voyage and sealed. ";
  std::list<CollectingSink> sinks(6);
  std::vector<std::unique_ptr<Generation>> generations;
  int64_t prompt_tokens = 0;
  for (auto& sink : sinks) {
    auto request = Greedy(fmt::format("{}Ship {} was", prefix, generations.size()), 2);
    prompt_tokens += static_cast<int64_t>(request.prompt.size());
    generations.push_back(engine_->Start(std::move(request), sink).value());
  }
  int64_t cached_tokens = 0;
  for (auto& sink : sinks) cached_tokens += sink.WaitDone().cached_tokens;
  EXPECT_GT(static_cast<double>(cached_tokens), 0.7 * static_cast<double>(prompt_tokens));
}

TEST_F(LlamaEngine, SequencesOfARequestShareThePrompt) {
  GenerateRequest request = Greedy("The best thing about the sea is", 8);
  request.sequences = 4;
  request.sampling.temperature = 1.0;
  request.sampling.seed = 3;
  CollectingSink sink;
  auto generation = engine_->Start(request, sink).value();
  GenerateResult result = sink.WaitDone();
  ASSERT_EQ(result.sequences.size(), 4u);
  std::set<std::string> texts;
  for (int i = 0; i < 4; ++i) texts.insert(sink.text(i));
  EXPECT_GE(texts.size(), 3u);
  EXPECT_EQ(result.prompt_tokens, static_cast<int64_t>(request.prompt.size()));
}

TEST_F(LlamaEngine, GreedySequencesAreAlike) {
  GenerateRequest request = Greedy("The best thing about the sea is", 6);
  request.sequences = 3;
  CollectingSink sink;
  auto generation = engine_->Start(request, sink).value();
  sink.WaitDone();
  EXPECT_EQ(sink.text(0), sink.text(1));
  EXPECT_EQ(sink.text(0), sink.text(2));
}

TEST_F(LlamaEngine, SeedRepeatsTheAnswer) {
  GenerateRequest request = Greedy("My favourite animal is", 10);
  request.sampling = {.temperature = 0.9, .top_p = 0.95, .top_k = 50, .min_p = 0.01, .seed = 42};
  Done first = Generate(request);
  EXPECT_EQ(Generate(request).sequence.text, first.sequence.text);
  request.sampling.seed = 43;
  EXPECT_NE(Generate(request).sequence.text, first.sequence.text);
}

TEST_F(LlamaEngine, PenaltiesBreakALoop) {
  GenerateRequest request = Greedy("no no no no no no no no no no", 8);
  request.ignore_eos = true;
  Done loop = Generate(request);
  request.sampling.repetition_penalty = 1.8;
  request.sampling.frequency_penalty = 1.0;
  request.sampling.presence_penalty = 1.0;
  EXPECT_NE(Generate(request).sequence.text, loop.sequence.text);
}

TEST_F(LlamaEngine, RenderHoldsTheMessages) {
  auto text = engine_->Render({{"system", "Be brief."}, {"user", "Grüß dich"}});
  ASSERT_TRUE(text.has_value());
  EXPECT_THAT(*text, testing::HasSubstr("<|im_start|>system\nBe brief.<|im_end|>"));
  EXPECT_THAT(*text, testing::HasSubstr("<|im_start|>user\nGrüß dich<|im_end|>"));
  EXPECT_TRUE(text->ends_with("<|im_start|>assistant\n"));
}

TEST_F(LlamaEngine, TokenizeKnowsControlTokensOnlyWhenTold) {
  EXPECT_EQ(engine_->Tokenize("<|im_start|>", true)->size(), 1u);
  EXPECT_GT(engine_->Tokenize("<|im_start|>", false)->size(), 1u);
  EXPECT_EQ(engine_->Tokenize("", false)->size(), 0u);
  EXPECT_GT(engine_->Tokenize("Ein Beleg kostet 3 € und mehr\xFF", false)->size(), 5u);
}

TEST_F(LlamaEngine, NoTokenStandsForMoreTextThanItSays) {
  int64_t longest = engine_->model().token_bytes_max;
  for (std::string_view text : {"<|im_start|>", "                                ",
                                "\u0645\u0631\u062d\u0628\u0627", "Grundstücksverkehr"}) {
    auto tokens = engine_->Tokenize(text, true);
    ASSERT_TRUE(tokens.has_value());
    EXPECT_LE(static_cast<int64_t>(text.size()), longest * static_cast<int64_t>(tokens->size())) << text;
  }
  EXPECT_LT(longest, 1000);
}

TEST(OpenLlama, EndOfTheEngineEndsWhatRuns) {
  LlamaOptions options = TestModelOptions();
  options.sequences_max = 1;
  auto engine = OpenLlama(options).value();
  CollectingSink running, waiting;
  GenerateRequest request;
  request.prompt = engine->Tokenize("And so on and", true).value();
  request.max_tokens = 200;
  request.ignore_eos = true;
  auto a = engine->Start(request, running).value();
  auto b = engine->Start(request, waiting).value();
  running.WaitPieces(1);
  engine.reset();
  EXPECT_EQ(running.WaitDone().sequences[0].reason, FinishReason::kError);
  EXPECT_EQ(waiting.WaitDone().sequences[0].reason, FinishReason::kError);
}

TEST(OpenLlama, ChunksOfAPromptGiveTheSameAnswer) {
  LlamaOptions options = TestModelOptions();
  options.sequences_max = 2;
  std::string text =
      "Chunk by chunk a prompt is computed, and in the end their size does not matter. Chunk by";
  std::vector<std::string> answers;
  for (int chunk : {7, 512}) {
    options.prefill_chunk_tokens = chunk;
    auto engine = OpenLlama(options).value();
    GenerateRequest request{
        .prompt = engine->Tokenize(text, true).value(), .max_tokens = 4, .sampling = {.temperature = 0}};
    CollectingSink sink;
    auto generation = engine->Start(request, sink).value();
    EXPECT_EQ(sink.WaitDone().sequences[0].output_tokens, 4);
    answers.push_back(sink.text());
  }
  EXPECT_EQ(answers[0], answers[1]);
}

ErrorCode OpenError(LlamaOptions options, std::string* message = nullptr) {
  auto engine = OpenLlama(std::move(options));
  CHECK(!engine.has_value(), "this cannot be opened");
  if (message != nullptr) *message = engine.error().message;
  return engine.error().code;
}

class ModelFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/model_XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // A model's file of these bytes.
  LlamaOptions With(std::string_view bytes) {
    std::string path = folder_ + "/x.gguf";
    std::ofstream(path, std::ios::binary) << bytes;
    return {.model_path = path};
  }
  static std::string RealBytes(size_t size) {
    std::ifstream in(TestModelPath(), std::ios::binary);
    std::string bytes(size, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(size));
    return bytes;
  }

  std::string folder_;
};

TEST_F(ModelFile, MissingFileIsNotFound) {
  std::string message;
  EXPECT_EQ(OpenError({.model_path = folder_ + "/none.gguf"}, &message), ErrorCode::kNotFound);
  EXPECT_THAT(message, testing::HasSubstr("none.gguf"));
}

TEST_F(ModelFile, FolderIsRefused) {
  EXPECT_EQ(OpenError({.model_path = folder_}), ErrorCode::kInvalidArgument);
}

TEST_F(ModelFile, OtherFilesAreNotGguf) {
  EXPECT_EQ(OpenError(With("PK\3\4 this is a zip")), ErrorCode::kDataLoss);
  EXPECT_EQ(OpenError(With("")), ErrorCode::kDataLoss);
  EXPECT_EQ(OpenError(With("GG")), ErrorCode::kDataLoss);
}

TEST_F(ModelFile, CutFileSaysBothSizes) {
  std::string message;
  EXPECT_EQ(OpenError(With(RealBytes(20'000'000)), &message), ErrorCode::kDataLoss);
  EXPECT_THAT(message, testing::HasSubstr("20000000"));
  EXPECT_THAT(message, testing::HasSubstr(std::to_string(std::filesystem::file_size(TestModelPath()))));
}

TEST_F(ModelFile, LastByteMatters) {
  auto size = static_cast<size_t>(std::filesystem::file_size(TestModelPath()));
  EXPECT_EQ(OpenError(With(RealBytes(size - 1))), ErrorCode::kDataLoss);
}

TEST_F(ModelFile, CutHeaderIsDamage) {
  EXPECT_EQ(OpenError(With(RealBytes(1000))), ErrorCode::kDataLoss);
  EXPECT_EQ(OpenError(With(RealBytes(4))), ErrorCode::kDataLoss);
}

TEST_F(ModelFile, HeaderOfNonsenseIsDamage) {
  EXPECT_EQ(OpenError(With("GGUF\3\0\0\0" + std::string(100, '\xFF'))), ErrorCode::kDataLoss);
}

TEST(OpenLlama, BadOptionsAreRefused) {
  LlamaOptions options = TestModelOptions();
  options.sequences_max = 0;
  EXPECT_EQ(OpenError(options), ErrorCode::kInvalidArgument);
  options = TestModelOptions();
  options.prefill_chunk_tokens = 0;
  EXPECT_EQ(OpenError(options), ErrorCode::kInvalidArgument);
  options = TestModelOptions();
  options.context_tokens = 1'000'000;  // more than the model was trained with
  EXPECT_EQ(OpenError(options), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::engine
