// `beleg audit check`: sends one chat completion and finds out whether it left the record and the spans that it must.
//
// It does what the tutorial's audit_client.py does, but for this very request, per attribute and per span, with the values
// compared to the answer, the ledger record proved, and a verdict for scripts.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "audit/completion.h"
#include "audit/stored_record.h"
#include "audit/stored_span.h"
#include "base/clock.h"

namespace beleg::audit {

struct CheckOptions {
  CompletionOptions completion;
  std::string store_url = "http://127.0.0.1:3301";
  std::string store_api_key;
  std::string service = "vllm";
  std::chrono::minutes lookback{5};
  int64_t span_limit = 1000;
  std::vector<std::string> required = {"gen_ai.model.id", "gen_ai.usage.prompt_tokens",
                                       "gen_ai.usage.completion_tokens", "gen_ai.response.finish_reasons",
                                       "deployment.region"};
  std::string vkey;         // pinned key of the log; "": the store's word, and the report says so
  bool want_record = true;  // false: a store without records (another backend)
  bool strict = false;      // other spans without a required attribute count too
  std::chrono::milliseconds find_timeout{10'000};  // how long span and record may take to appear
  const Clock* clock = nullptr;                    // null: the host's
};

// Also the exit code of the command.
enum class CheckVerdict {
  kOk = 0,           // everything is there and agrees
  kMissing = 1,      // something is missing, disagrees, or is not proved
  kUnreachable = 2,  // it could not be looked at: server or store gave no usable answer
};

struct AttributeCheck {
  std::string key;
  bool present = false;
  std::string value;  // as text
};

struct SpanCheck {
  StoredSpan span;
  std::vector<AttributeCheck> attributes;  // in the order of CheckOptions::required
  bool complete = true;
};

struct CheckReport {
  CheckVerdict verdict = CheckVerdict::kOk;
  std::optional<Completion> completion;
  std::vector<SpanCheck> spans;   // server spans of this request
  std::vector<SpanCheck> others;  // other server spans of the look-back window
  std::optional<StoredRecord> record;
  std::vector<std::string> receipts;  // "begin", "finish": those that came with the answer and are good
  std::vector<std::string> findings;  // why the verdict is not kOk, one line each
};

CheckReport Check(const CheckOptions& options);

// The report as the command prints it: the tutorial's lines, then record and coverage.
std::string RenderText(const CheckOptions& options, const CheckReport& report);

}  // namespace beleg::audit
