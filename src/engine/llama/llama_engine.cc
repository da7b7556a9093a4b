#include "engine/llama/llama_engine.h"

#include <sched.h>

#include <algorithm>
#include <utility>

#include "base/thread.h"
#include "engine/inbox.h"
#include "engine/llama/context.h"
#include "engine/llama/model.h"
#include "engine/llama/scheduler.h"

namespace beleg::engine {
namespace {

class LlamaEngine final : public Engine {
 public:
  LlamaEngine(std::unique_ptr<Model> model, std::unique_ptr<Context> context, const LlamaOptions& options)
      : model_(std::move(model)),
        inbox_(std::make_shared<Inbox>(Inbox::Limits{options.sequences_max, options.waiting_max,
                                                     model_->info().context_tokens,
                                                     model_->vocabulary().size()})),
        scheduler_(*model_, std::move(context), inbox_, options.sequences_max, options.prefill_chunk_tokens),
        thread_("engine", [this](std::stop_token) { scheduler_.Run(); }) {}
  ~LlamaEngine() override { inbox_->Close(); }  // the thread ends what runs

  const ModelInfo& model() const override { return model_->info(); }
  Result<std::string> Render(const std::vector<ChatMessage>& messages) const override {
    return model_->chat_template().Render(messages);
  }
  Result<std::vector<Token>> Tokenize(std::string_view text, bool parse_special) const override {
    return model_->vocabulary().Tokenize(text, parse_special);
  }
  Result<std::unique_ptr<Generation>> Start(GenerateRequest request, GenerationSink& sink) override {
    return inbox_->Submit(std::move(request), sink);
  }
  EngineStats stats() const override { return scheduler_.stats(); }

 private:
  const std::unique_ptr<Model> model_;
  const std::shared_ptr<Inbox> inbox_;
  Scheduler scheduler_;
  Thread thread_;  // last: it uses the rest
};

// Cores that this process may run on.
int CoreCount() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
  return std::max(1, CPU_COUNT(&cores));
}

Result<void> CheckOptions(const LlamaOptions& options) {
  auto sequences_limit = static_cast<int>(llama_max_parallel_sequences());
  if (options.sequences_max < 1 || options.sequences_max > sequences_limit) {
    return Fail(ErrorCode::kInvalidArgument, "sequences_max {}: want 1 to {}", options.sequences_max,
                sequences_limit);
  }
  if (options.prefill_chunk_tokens < 1) {
    return Fail(ErrorCode::kInvalidArgument, "prefill_chunk_tokens {}: want at least 1",
                options.prefill_chunk_tokens);
  }
  if (options.waiting_max < 0 || options.threads < 0 || options.context_tokens < 0) {
    return Fail(ErrorCode::kInvalidArgument, "waiting_max, threads and context_tokens cannot be negative");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Engine>> OpenLlama(LlamaOptions options) {
  TRY(CheckOptions(options));
  TRY_ASSIGN(std::unique_ptr<Model> model, Model::Load(options));
  Context::Options shape{.sequences_max = options.sequences_max,
                         .context_tokens = model->info().context_tokens,
                         .batch_tokens = options.prefill_chunk_tokens + options.sequences_max,
                         .threads = options.threads > 0 ? options.threads : CoreCount()};
  TRY_ASSIGN(std::unique_ptr<Context> context, Context::Create(model->get(), shape));
  return std::make_unique<LlamaEngine>(std::move(model), std::move(context), options);
}

}  // namespace beleg::engine
