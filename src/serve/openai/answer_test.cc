#include "serve/openai/answer.h"

#include <gtest/gtest.h>

#include "wire/json.h"

namespace beleg::serve {
namespace {

using wire::Json;

const AnswerHead kChat{record::Operation::kChat, "chatcmpl-1", "m", 1700000000};
const AnswerHead kText{record::Operation::kTextCompletion, "cmpl-1", "m", 1700000000};

Json ChunkOf(const std::string& event) {
  EXPECT_TRUE(event.starts_with("data: ") && event.ends_with("\n\n")) << event;
  return *Json::Parse(std::string_view(event).substr(6, event.size() - 8));
}

TEST(Answer, WholeChatHasTheFieldsClientsRead) {
  Json answer = *Json::Parse(WholeAnswer(kChat, {{"a\"b\n", "stop"}, {"c", "length"}}, {3, 4, 1}));
  EXPECT_EQ(answer.Find("object")->as_string(), "chat.completion");
  const Json& first = answer.Find("choices")->as_array()[0];
  EXPECT_EQ(first.Find("message")->Find("content")->as_string(), "a\"b\n");
  EXPECT_EQ(answer.Find("choices")->as_array()[1].Find("finish_reason")->as_string(), "length");
  EXPECT_EQ(answer.Find("usage")->Find("total_tokens")->as_int(), 7);
}

TEST(Answer, ChunksAreWholeJsonWhateverTheTextHolds) {
  ChunkWriter chat(kChat);
  std::string odd("q\"\\\n\x01\xc3\xbc", 7);
  Json chunk = ChunkOf(chat.Text(1, odd));
  EXPECT_EQ(chunk.Find("object")->as_string(), "chat.completion.chunk");
  const Json& choice = chunk.Find("choices")->as_array()[0];
  EXPECT_EQ(choice.Find("index")->as_int(), 1);
  EXPECT_EQ(choice.Find("delta")->Find("content")->as_string(), odd);
  EXPECT_TRUE(choice.Find("finish_reason")->is_null());
  EXPECT_EQ(ChunkOf(chat.First(0)).Find("choices")->as_array()[0].Find("delta")->Find("role")->as_string(),
            "assistant");
  EXPECT_EQ(ChunkOf(chat.Finish(0, "stop")).Find("choices")->as_array()[0].Find("finish_reason")->as_string(),
            "stop");
  Json usage = ChunkOf(chat.UsageChunk({1, 2, 0}));
  EXPECT_TRUE(usage.Find("choices")->as_array().empty());
  EXPECT_EQ(usage.Find("usage")->Find("completion_tokens")->as_int(), 2);
}

TEST(Answer, CompletionChunksCarryTextAndNoRole) {
  ChunkWriter text(kText);
  EXPECT_EQ(text.First(0), "");
  EXPECT_EQ(ChunkOf(text.Text(0, "x")).Find("choices")->as_array()[0].Find("text")->as_string(), "x");
  EXPECT_EQ(ChunkOf(text.Finish(0, "length")).Find("choices")->as_array()[0].Find("text")->as_string(), "");
}

}  // namespace
}  // namespace beleg::serve
