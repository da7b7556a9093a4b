// Answers of the two inference routes: whole bodies and stream chunks, as OpenAI writes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "record/audit_record.h"

namespace beleg::serve {

struct AnswerHead {
  record::Operation operation = record::Operation::kChat;
  std::string id;
  std::string model;
  int64_t created_unix_s = 0;
};

struct Usage {
  int64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0;
};

struct Choice {
  std::string text;
  std::string finish_reason;  // "stop", "length"
};

std::string WholeAnswer(const AnswerHead& head, const std::vector<Choice>& choices, const Usage& usage);

// Stream chunks as SSE events. The parts that never change are written once: a chunk costs one escaped copy of its text.
class ChunkWriter {
 public:
  explicit ChunkWriter(const AnswerHead& head);
  // {"role": "assistant"}; nothing for completions.
  std::string First(int choice) const;
  std::string Text(int choice, std::string_view text) const;
  std::string Finish(int choice, std::string_view finish_reason) const;
  std::string UsageChunk(const Usage& usage) const;

 private:
  std::string Event(std::string_view choices, std::string_view rest) const;
  bool chat_;
  std::string head_;
};

inline constexpr std::string_view kStreamEnd = "data: [DONE]\n\n";

// "stop", "length"; "error" for all that OpenAI has no word for (record::Request::finish_reasons).
std::string_view OpenAiFinishReason(engine::FinishReason reason);

}  // namespace beleg::serve
