#include "serve/openai/inference_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace beleg::serve {
namespace {

using record::Operation;
using ::testing::ElementsAre;

std::expected<InferenceRequest, ApiError> Chat(std::string_view more) {
  return ParseInferenceRequest(
      Operation::kChat, fmt::format(R"({{"model":"m","messages":[{{"role":"user","content":"hi"}}]{}{}}})",
                                    more.empty() ? "" : ",", more));
}

std::string WrongField(std::string_view more) {
  auto parsed = Chat(more);
  return parsed ? "(none)" : parsed.error().param;
}

TEST(InferenceRequest, DefaultsAreOpenAis) {
  auto parsed = Chat("");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->params, record::Params());
  EXPECT_EQ(parsed->messages[0].content, "hi");
  EXPECT_FALSE(parsed->include_usage);
}

TEST(InferenceRequest, ReadsWhatClientsSend) {
  auto parsed =
      Chat(R"("max_tokens":5,"temperature":0,"top_p":0.5,"seed":-3,"n":2,"stop":["a","b"],"stream":true,
                        "stream_options":{"include_usage":true},"user":"u","presence_penalty":1.5,"top_k":-1)");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->params.max_tokens, 5);
  EXPECT_EQ(parsed->params.temperature, 0);
  EXPECT_EQ(parsed->params.seed, -3);
  EXPECT_EQ(parsed->params.choices, 2);
  EXPECT_EQ(parsed->params.top_k, 0);
  EXPECT_EQ(parsed->params.stop_count, 2);
  EXPECT_THAT(parsed->stop, ElementsAre("a", "b"));
  EXPECT_TRUE(parsed->params.stream && parsed->include_usage);
  EXPECT_EQ(Chat(R"("max_completion_tokens":9)")->params.max_tokens, 9);
  EXPECT_EQ(Chat(R"("max_tokens":5.0)")->params.max_tokens, 5);
  EXPECT_EQ(Chat(R"("max_tokens":null)")->params.max_tokens, 0);
}

TEST(InferenceRequest, PartsOfAMessageAreJoined) {
  auto parsed = ParseInferenceRequest(Operation::kChat, R"({"model":"m","messages":[
      {"role":"developer","content":"d"},
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"assistant","content":null}]})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->messages[0].role, "system");
  EXPECT_EQ(parsed->messages[1].content, "ab");
  EXPECT_EQ(parsed->messages[2].content, "");
}

TEST(InferenceRequest, WrongFieldsAreNamed) {
  EXPECT_EQ(WrongField(R"("max_tokens":-1)"), "max_tokens");
  EXPECT_EQ(WrongField(R"("max_tokens":1.5)"), "max_tokens");
  EXPECT_EQ(ParseInferenceRequest(Operation::kChat, R"({"model":null,"messages":[]})").error().message,
            "model is required");
  EXPECT_EQ(WrongField(R"("temperature":"hot")"), "temperature");
  EXPECT_EQ(WrongField(R"("top_p":1.1)"), "top_p");
  EXPECT_EQ(WrongField(R"("seed":9007199254740993)"), "seed");
  EXPECT_EQ(WrongField(R"("stream":"yes")"), "stream");
  EXPECT_EQ(WrongField(R"("stop":["ok",""])"), "stop[1]");
  EXPECT_EQ(WrongField(R"("stream_options":{"include_usage":true})"), "stream_options");
  EXPECT_EQ(WrongField(R"("user":5)"), "user");
  auto image = ParseInferenceRequest(
      Operation::kChat, R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url"}]}]})");
  EXPECT_EQ(image.error().param, "messages[0].content[0].type");
}

TEST(InferenceRequest, FieldsThatWouldChangeTheAnswerAreRefused) {
  EXPECT_EQ(WrongField(R"("tools":[{"type":"function"}])"), "tools");
  EXPECT_EQ(WrongField(R"("logit_bias":{"5":1})"), "logit_bias");
  EXPECT_EQ(WrongField(R"("response_format":{"type":"json_object"})"), "response_format.type");
  EXPECT_EQ(WrongField(R"("best_of":2)"), "best_of");
  EXPECT_EQ(
      WrongField(R"("tools":[],"logprobs":false,"tool_choice":"none","response_format":{"type":"text"})"),
      "(none)");
}

TEST(InferenceRequest, OtherFieldsAreNamedOrCounted) {
  auto parsed = Chat(R"("store":true,"metadata":{"a":"b"},"wibble":1,"wobble":2)");
  ASSERT_TRUE(parsed);
  EXPECT_THAT(parsed->params.ignored, ElementsAre("metadata", "store"));
  EXPECT_EQ(parsed->params.unknown_fields, 2);
}

TEST(InferenceRequest, PromptsComeAsTextOrTokens) {
  auto prompt = [](std::string_view json) {
    return ParseInferenceRequest(Operation::kTextCompletion,
                                 fmt::format(R"({{"model":"m","prompt":{}}})", json));
  };
  EXPECT_EQ(prompt(R"("abc")")->prompt, "abc");
  EXPECT_EQ(prompt(R"(["abc"])")->prompt, "abc");
  EXPECT_THAT(prompt("[1,2,3]")->prompt_tokens, ElementsAre(1, 2, 3));
  EXPECT_EQ(prompt(R"(["a","b"])").error().param, "prompt");
  EXPECT_EQ(prompt("[1,-2]").error().param, "prompt[1]");
  EXPECT_EQ(prompt(R"("")").error().param, "prompt");
  EXPECT_EQ(prompt("7").error().param, "prompt");
}

TEST(InferenceRequest, ATextThatCannotFitIsRefusedUnread) {
  engine::ModelInfo model;
  model.context_tokens = 100;
  model.token_bytes_max = 8;
  EXPECT_TRUE(FitText(Operation::kChat, 800, model));
  auto refused = FitText(Operation::kChat, 801, model);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "context_length_exceeded");
  EXPECT_EQ(refused.error().param, "messages");
  model.token_bytes_max = 0;
  EXPECT_TRUE(FitText(Operation::kChat, 1 << 30, model));
}

TEST(InferenceRequest, TheContextSetsWhatWasNotAskedFor) {
  auto chat = *Chat("");
  ASSERT_TRUE(FitContext(chat, 10, 100));
  EXPECT_EQ(chat.params.max_tokens, 90);
  auto wish = *Chat(R"("max_tokens":91)");
  EXPECT_EQ(FitContext(wish, 10, 100).error().code, "context_length_exceeded");
  auto full = *Chat("");
  EXPECT_EQ(FitContext(full, 100, 100).error().error, record::ErrorType::kContextLength);
  auto completion = *ParseInferenceRequest(Operation::kTextCompletion, R"({"model":"m","prompt":"x"})");
  ASSERT_TRUE(FitContext(completion, 1, 100));
  EXPECT_EQ(completion.params.max_tokens, 16);
}

}  // namespace
}  // namespace beleg::serve
