// Engine makes text: prompt in, pieces of text out, for many requests at once.
//
// Order:   pieces of one sequence come in order, then its OnSequenceDone, exactly once; OnDone is the last call of a
//          generation, always made exactly once, also after Cancel and when the engine fails or is destroyed.
// Threads: Start, Render, Tokenize and Cancel from any thread. A sink is called on the engine's thread: it must be quick and
//          must not block (hand over to your own loop). One engine thread owns the model.
// Limits:  at most sequences_max sequences run; up to waiting_max generations wait; beyond that Start refuses with
//          kResourceExhausted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace beleg::engine {

using Token = int32_t;

// What the record of a model says; hashes are made once when it is loaded.
struct ModelInfo {
  std::string name;  // served name
  std::string file;  // base name of the weights' file
  Hash32 weights_sha256{};
  uint64_t weights_bytes = 0;
  Hash32 tokenizer_sha256{};      // over the vocabulary as the engine sees it
  Hash32 chat_template_sha256{};  // of the template's text; zeros: the model has none
  std::string engine_name;        // "llama.cpp", "replay"
  std::string engine_version;
  int64_t context_tokens = 0;   // longest prompt plus answer of one sequence
  int64_t token_bytes_max = 0;  // of text that one token stands for; 0: without limit
  int64_t parameter_count = 0;
};

struct ChatMessage {
  std::string role;
  std::string content;
};

struct Sampling {
  double temperature = 1.0;  // 0: greedy
  double top_p = 1.0;
  int64_t top_k = 0;  // 0: off
  double min_p = 0.0;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  double repetition_penalty = 1.0;
  std::optional<uint64_t> seed{};  // given: the same prompt and parameters give the same text when run alone
};

struct GenerateRequest {
  std::vector<Token> prompt{};
  int64_t max_tokens = 16;  // of each sequence; at least 1
  int sequences = 1;        // `n`: the prompt is computed once
  Sampling sampling{};
  std::vector<std::string> stop{};  // texts that end the answer and are not part of it
  bool ignore_eos = false;
};

enum class FinishReason { kStop, kLength, kCancelled, kError };
std::string_view FinishReasonName(FinishReason reason);  // "stop", "length", "abort", "error" (vLLM's words)

// One sequence's end.
struct SequenceResult {
  FinishReason reason = FinishReason::kError;
  int64_t output_tokens = 0;
};

struct GenerateResult {
  std::vector<SequenceResult> sequences;
  std::string error;  // for kError: what failed
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;  // of the prompt, taken from the prefix cache
  // Durations from Start, microseconds; -1 when the phase was not reached.
  int64_t queue_us = -1;    // until the first prompt token is computed
  int64_t prefill_us = -1;  // from there until the first output token
  int64_t decode_us = -1;   // from there until the end
};

class GenerationSink {
 public:
  virtual ~GenerationSink() = default;
  // text: UTF-8, whole characters only; never part of a stop text. tokens: how many it stands for (0 is possible for
  // text that was held back).
  virtual void OnText(int sequence, std::string_view text, int64_t tokens) = 0;
  // sequence ended; more may run.
  virtual void OnSequenceDone(int sequence, const SequenceResult& result) = 0;
  virtual void OnDone(const GenerateResult& result) = 0;
};

// A running generation. Destroying it cancels and waits until the sink will not be called again: for OnDone, that is one
// step of the engine at most. Destroyed on the engine's thread, so in a sink, it cannot wait: the sink is then not called
// again at all, not even OnDone. It may outlive the engine.
class Generation {
 public:
  virtual ~Generation() = default;
  // Asks the engine to stop; OnDone follows with kCancelled unless it ended before. Does not wait.
  virtual void Cancel() = 0;
};

struct EngineStats {
  int64_t running = 0, waiting = 0;                          // generations
  double kv_cache_usage = 0;                                 // 0..1
  int64_t prefix_queried_tokens = 0, prefix_hit_tokens = 0;  // since start
};

class Engine {
 public:
  virtual ~Engine() = default;
  virtual const ModelInfo& model() const = 0;

  // The messages in the model's own chat template, with the opening of the assistant's answer. kFailedPrecondition when the
  // model has no template; kInvalidArgument for a role it does not know.
  virtual Result<std::string> Render(const std::vector<ChatMessage>& messages) const = 0;
  // parse_special: control tokens written in the text count as such (rendered chats), else as plain text.
  virtual Result<std::vector<Token>> Tokenize(std::string_view text, bool parse_special) const = 0;

  // Errors: kResourceExhausted (queue full) · kInvalidArgument (prompt empty or, with one output token, longer than the
  // context; a token outside the vocabulary; more sequences than can run; a stop text that is not UTF-8). The sink outlives
  // the returned Generation.
  virtual Result<std::unique_ptr<Generation>> Start(GenerateRequest request, GenerationSink& sink) = 0;

  virtual EngineStats stats() const = 0;
};

}  // namespace beleg::engine
