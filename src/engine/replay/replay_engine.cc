#include "engine/replay/replay_engine.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/thread.h"
#include "engine/inbox.h"
#include "engine/replay/replay_script.h"
#include "engine/text_assembler.h"
#include "wire/sha256.h"

namespace beleg::engine {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant", "tool"};
constexpr std::string_view kTemplate = "<|{role}|> {content} <|end|> … <|assistant|>";

// One call that is being answered; all its sequences are at the same word.
struct Run {
  std::shared_ptr<Call> call;
  std::vector<TextAssembler> assemblers;  // one a sequence; empty when there are no stop texts
  int64_t position = 0;                   // tokens made
  int64_t end = 0;                        // tokens to make
  FinishReason end_reason = FinishReason::kStop;
  std::string error;
  int64_t delay_us = 0;
  int64_t due_us = 0;  // monotonic time of the next step
};

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

class ReplayEngine final : public Engine {
 public:
  explicit ReplayEngine(ReplayOptions options);
  ~ReplayEngine() override { inbox_->Close(); }  // the thread ends what runs

  const ModelInfo& model() const override { return model_; }
  Result<std::string> Render(const std::vector<ChatMessage>& messages) const override;
  Result<std::vector<Token>> Tokenize(std::string_view text, bool) const override {
    return ReplayTokenize(text);
  }
  Result<std::unique_ptr<Generation>> Start(GenerateRequest request, GenerationSink& sink) override;
  EngineStats stats() const override;

 private:
  void Loop();
  void Admit(std::shared_ptr<Call> call);
  void Step(Run& run, int64_t now_us);
  void Tell(Run& run, int sequence, int64_t count);
  void TellUntilStop(Run& run, int sequence, int64_t count);
  void End(Run& run, FinishReason reason, std::string error);
  void EndSequence(Run& run, int sequence, FinishReason reason, int64_t output_tokens);

  const ReplayOptions options_;
  ModelInfo model_;
  const SystemClock clock_;
  std::atomic<int64_t> queried_tokens_ = 0;
  const std::shared_ptr<Inbox> inbox_;
  std::vector<Run> runs_;  // the thread's
  Thread thread_;          // last: it uses the rest
};

ReplayEngine::ReplayEngine(ReplayOptions options)
    : options_(std::move(options)),
      inbox_(std::make_shared<Inbox>(Inbox::Limits{options_.sequences_max, options_.waiting_max,
                                                   options_.context_tokens, kReplayVocabulary})) {
  CHECK(1 <= options_.tokens_per_step && options_.tokens_per_step <= kReplayRunMax,
        "tokens_per_step is 1 to 64");
  model_ = {.name = options_.served_name,
            .file = "replay",
            .weights_sha256 = ReplayScriptHash(),
            .weights_bytes = static_cast<uint64_t>(ReplayScriptBytes()),
            .tokenizer_sha256 = wire::Sha256("words between white space"),
            .chat_template_sha256 = wire::Sha256(kTemplate),
            .engine_name = "replay",
            .engine_version = "1",
            .context_tokens = options_.context_tokens,
            .parameter_count = 0};
  thread_ = Thread("replay", [this](std::stop_token) { Loop(); });
}

Result<std::string> ReplayEngine::Render(const std::vector<ChatMessage>& messages) const {
  std::string out;
  for (const ChatMessage& message : messages) {
    if (std::find(kRoles.begin(), kRoles.end(), message.role) == kRoles.end()) {
      return Fail(ErrorCode::kInvalidArgument, "messages: role \"{}\" is not known", message.role);
    }
    out += fmt::format("<|{}|> {} <|end|> ", message.role, message.content);
  }
  return out + "<|assistant|>";
}

Result<std::unique_ptr<Generation>> ReplayEngine::Start(GenerateRequest request, GenerationSink& sink) {
  auto prompt_tokens = static_cast<int64_t>(request.prompt.size());
  auto generation = inbox_->Submit(std::move(request), sink);
  if (generation) queried_tokens_.fetch_add(prompt_tokens, std::memory_order_relaxed);
  return generation;
}

EngineStats ReplayEngine::stats() const {
  EngineStats stats;
  stats.running = inbox_->running();
  stats.waiting = inbox_->waiting();
  stats.kv_cache_usage = std::min(1.0, static_cast<double>(stats.running) / options_.sequences_max);
  stats.prefix_queried_tokens = queried_tokens_.load(std::memory_order_relaxed);
  return stats;
}

void ReplayEngine::Loop() {
  inbox_->Bind();
  Inbox::News news;
  std::optional<int64_t> due_us;
  while (true) {
    inbox_->Wait(due_us, news);
    for (auto& call : news.admitted) Admit(std::move(call));
    int64_t now_us = clock_.MonoMicros();
    for (auto& call : news.dropped) {
      if (news.closed)
        call->Finish(FinishReason::kError, "the engine was stopped", now_us);
      else
        call->Finish(FinishReason::kCancelled, {}, now_us);
    }
    int64_t next_us = kNever;
    for (Run& run : runs_) {
      if (news.closed)
        End(run, FinishReason::kError, "the engine was stopped");
      else if (run.call->cancelled())
        End(run, FinishReason::kCancelled, {});
      else if (run.due_us <= now_us)
        Step(run, now_us);
      if (run.call) next_us = std::min(next_us, run.due_us);
    }
    std::erase_if(runs_, [](const Run& run) { return !run.call; });
    if (news.closed) return;
    due_us = next_us == kNever ? std::nullopt : std::optional(next_us);
  }
}

void ReplayEngine::Admit(std::shared_ptr<Call> call) {
  const GenerateRequest& request = call->request();
  ReplayOrders orders = OrdersOf(request.prompt);
  Run run;
  int64_t now_us = clock_.MonoMicros();
  call->MarkPrefill(now_us);
  if (!request.stop.empty())
    run.assemblers.assign(static_cast<size_t>(request.sequences), TextAssembler(request.stop));
  int64_t room = model_.context_tokens - static_cast<int64_t>(request.prompt.size());
  int64_t limit = std::min(request.max_tokens, room);
  int64_t length = request.ignore_eos ? kNever : orders.tokens.value_or(options_.tokens);
  run.end = std::min(length, limit);
  run.end_reason = length <= limit ? FinishReason::kStop : FinishReason::kLength;
  if (orders.fail_at && *orders.fail_at <= run.end) {
    run.end = *orders.fail_at;
    run.end_reason = FinishReason::kError;
    run.error = fmt::format("the prompt says: fail after {} tokens", run.end);
  }
  run.delay_us = orders.delay_ms ? *orders.delay_ms * 1000 : options_.delay_us;
  run.due_us = orders.hang ? kNever : now_us;
  run.call = std::move(call);
  runs_.push_back(std::move(run));
}

void ReplayEngine::Step(Run& run, int64_t now_us) {
  int64_t count = std::min(run.delay_us > 0 ? 1 : options_.tokens_per_step, run.end - run.position);
  if (count > 0) run.call->MarkDecode(now_us);
  for (int i = 0; i < run.call->request().sequences && count > 0; ++i) {
    if (run.call->SequenceEnded(i)) continue;
    if (run.assemblers.empty())
      Tell(run, i, count);
    else
      TellUntilStop(run, i, count);
  }
  run.position += count;
  run.due_us = now_us + run.delay_us;
  if (run.call->open_sequences() == 0)
    End(run, FinishReason::kStop, {});
  else if (run.position == run.end)
    End(run, run.end_reason, std::move(run.error));
}

// The text of the next tokens of a sequence; an answer begins without a space.
std::string_view TextOf(const Run& run, int sequence, int64_t from, int64_t count) {
  std::string_view text = ReplayText(run.position + from + sequence, count);
  if (run.position + from == 0) text.remove_prefix(1);
  return text;
}

void ReplayEngine::Tell(Run& run, int sequence, int64_t count) {
  run.call->OnText(sequence, TextOf(run, sequence, 0, count), count);
}

void ReplayEngine::TellUntilStop(Run& run, int sequence, int64_t count) {
  TextAssembler& assembler = run.assemblers[static_cast<size_t>(sequence)];
  for (int64_t i = 0; i < count; ++i) {
    TextAssembler::Output out = assembler.Push(TextOf(run, sequence, i, 1));
    if (!out.text.empty()) run.call->OnText(sequence, out.text, out.tokens);
    if (out.stopped) return EndSequence(run, sequence, FinishReason::kStop, run.position + i + 1);
  }
}

// Ends the call, and its sequences that are open with what they have.
void ReplayEngine::End(Run& run, FinishReason reason, std::string error) {
  for (int i = 0; i < run.call->request().sequences; ++i) {
    if (run.call->SequenceEnded(i)) continue;
    if (!run.assemblers.empty()) {
      TextAssembler::Output out = run.assemblers[static_cast<size_t>(i)].Flush();
      if (!out.text.empty()) run.call->OnText(i, out.text, out.tokens);
    }
    EndSequence(run, i, reason, run.position);
  }
  inbox_->ReleaseCall();
  run.call->Finish(reason, std::move(error), clock_.MonoMicros());
  run.call.reset();
}

void ReplayEngine::EndSequence(Run& run, int sequence, FinishReason reason, int64_t output_tokens) {
  inbox_->ReleaseSequence();
  run.call->EndSequence(sequence, reason, output_tokens);
}

}  // namespace

std::unique_ptr<Engine> OpenReplay(ReplayOptions options) {
  return std::make_unique<ReplayEngine>(std::move(options));
}

}  // namespace beleg::engine
