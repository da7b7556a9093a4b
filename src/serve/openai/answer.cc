#include "serve/openai/answer.h"

#include "wire/json.h"
#include "wire/sse.h"

namespace beleg::serve {
namespace {

using wire::Json;

Json UsageJson(const Usage& usage) {
  return Json::MakeObject(
      {{"prompt_tokens", usage.input_tokens},
       {"completion_tokens", usage.output_tokens},
       {"total_tokens", usage.input_tokens + usage.output_tokens},
       {"prompt_tokens_details", Json::MakeObject({{"cached_tokens", usage.cached_tokens}})}});
}

std::string_view ObjectName(record::Operation operation, bool chunk) {
  if (operation == record::Operation::kTextCompletion) return "text_completion";
  return chunk ? "chat.completion.chunk" : "chat.completion";
}

}  // namespace

std::string WholeAnswer(const AnswerHead& head, const std::vector<Choice>& choices, const Usage& usage) {
  Json list = Json::MakeArray();
  for (size_t i = 0; i < choices.size(); ++i) {
    Json choice = Json::MakeObject({{"index", static_cast<int64_t>(i)}});
    if (head.operation == record::Operation::kChat) {
      choice.Set("message", Json::MakeObject(
                                {{"role", "assistant"}, {"content", choices[i].text}, {"refusal", Json()}}));
    } else {
      choice.Set("text", choices[i].text);
    }
    choice.Set("logprobs", Json());
    choice.Set("finish_reason", choices[i].finish_reason);
    list.Append(std::move(choice));
  }
  return Json::MakeObject({{"id", head.id},
                           {"object", ObjectName(head.operation, false)},
                           {"created", head.created_unix_s},
                           {"model", head.model},
                           {"choices", std::move(list)},
                           {"usage", UsageJson(usage)}})
      .Dump();
}

ChunkWriter::ChunkWriter(const AnswerHead& head) : chat_(head.operation == record::Operation::kChat) {
  head_ = Json::MakeObject({{"id", head.id},
                            {"object", ObjectName(head.operation, true)},
                            {"created", head.created_unix_s},
                            {"model", head.model}})
              .Dump();
  head_.pop_back();  // Event goes on inside the object
}

std::string ChunkWriter::Event(std::string_view choices, std::string_view rest) const {
  return wire::SseData(fmt::format("{},\"choices\":[{}]{}}}", head_, choices, rest));
}

std::string ChunkWriter::First(int choice) const {
  if (!chat_) return "";
  return Event(
      fmt::format(
          R"({{"index":{},"delta":{{"role":"assistant","content":""}},"logprobs":null,"finish_reason":null}})",
          choice),
      "");
}

std::string ChunkWriter::Text(int choice, std::string_view text) const {
  std::string quoted;
  wire::AppendJsonString(quoted, text);
  if (chat_) {
    return Event(
        fmt::format(R"({{"index":{},"delta":{{"content":{}}},"logprobs":null,"finish_reason":null}})", choice,
                    quoted),
        "");
  }
  return Event(
      fmt::format(R"({{"index":{},"text":{},"logprobs":null,"finish_reason":null}})", choice, quoted), "");
}

std::string ChunkWriter::Finish(int choice, std::string_view finish_reason) const {
  return Event(fmt::format(R"({{"index":{},{},"logprobs":null,"finish_reason":"{}"}})", choice,
                           chat_ ? R"("delta":{})" : R"("text":"")", finish_reason),
               "");
}

std::string ChunkWriter::UsageChunk(const Usage& usage) const {
  return Event("", ",\"usage\":" + UsageJson(usage).Dump());
}

std::string_view OpenAiFinishReason(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kStop: return "stop";
    case engine::FinishReason::kLength: return "length";
    case engine::FinishReason::kCancelled:
    case engine::FinishReason::kError: return "error";
  }
  return "error";
}

}  // namespace beleg::serve
