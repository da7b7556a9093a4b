// The bodies of POST /v1/chat/completions and /v1/completions, read strictly into one value.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "record/audit_record.h"
#include "serve/openai/api_error.h"

namespace beleg::serve {

struct InferenceRequest {
  record::Operation operation = record::Operation::kChat;
  std::string model;                          // as the client wrote it
  std::vector<engine::ChatMessage> messages;  // chat
  std::string prompt;                         // completions: text, or
  std::vector<engine::Token> prompt_tokens;   // completions: tokens
  std::string user;                           // client-typed, committed to, never in plain in the record
  record::Params params;                      // max_tokens 0: not given
  std::vector<std::string> stop;
  double repetition_penalty = 1.0;
  double min_p = 0.0;
  bool ignore_eos = false;
  bool include_usage = false;  // stream_options.include_usage
};

// Errors name the field. Fields we know and that cannot change the answer are listed in params.ignored; unknown ones are counted;
// fields that would change it and that we do not have (tools, logprobs, …) are refused.
std::expected<InferenceRequest, ApiError> ParseInferenceRequest(record::Operation operation,
                                                                std::string_view body);

// Whether a prompt of so many bytes can fit at all: a hopeless one of megabytes is not worth the tokenizer's seconds.
std::expected<void, ApiError> FitText(record::Operation operation, size_t text_bytes,
                                      const engine::ModelInfo& model);

// What is left to check once the length of the prompt is known: sets max_tokens when it was not given.
std::expected<void, ApiError> FitContext(InferenceRequest& request, int64_t prompt_tokens,
                                         int64_t context_tokens);

engine::Sampling SamplingOf(const InferenceRequest& request);

}  // namespace beleg::serve
