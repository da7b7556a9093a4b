// One chat completion, asked as any OpenAI client does.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace beleg::audit {

struct CompletionOptions {
  std::string base_url = "http://127.0.0.1:8000/v1";
  std::string api_key;  // "": no Authorization header
  std::string model;    // "": the first of /v1/models
  std::string prompt = "Summarize the EU AI Act in one sentence.";
  int64_t max_tokens = 64;
  std::chrono::milliseconds timeout{120'000};
};

struct Completion {
  std::string id, model, text;
  int64_t prompt_tokens = 0, completion_tokens = 0;
  std::vector<std::string> finish_reasons;    // one a choice
  std::string begin_receipt, finish_receipt;  // values of Audit-Begin and Audit-Finish; "" when absent
};

// Errors: as WebClient; kDataLoss names the member of the answer that is missing or of the wrong type.
Result<Completion> SendCompletion(const CompletionOptions& options);

}  // namespace beleg::audit
