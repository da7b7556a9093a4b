// Scheduler is the engine's thread: it takes calls from the inbox and computes them together, step by step, until the inbox
// is closed.
//
// A step is one batch: the next token of every running answer, and a bounded piece of the prompts of newcomers, oldest
// first, so that nobody stalls. What a prompt shares with another, finished or not, is copied and not computed again; a
// newcomer whose beginning is just being computed waits for it. The n sequences of a call share one computed prompt.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/call.h"
#include "engine/inbox.h"
#include "engine/llama/context.h"
#include "engine/llama/model.h"
#include "engine/llama/prefill_budget.h"
#include "engine/llama/sampler.h"
#include "engine/llama/slots.h"
#include "engine/text_assembler.h"

namespace beleg::engine {

class Scheduler {
 public:
  // model outlives the scheduler. inbox admits at most sequences_max.
  Scheduler(const Model& model, std::unique_ptr<Context> context, std::shared_ptr<Inbox> inbox,
            int sequences_max, int prefill_chunk_tokens);

  // The thread's work.
  void Run();

  // Any thread.
  EngineStats stats() const;

 private:
  enum class Phase {
    kNew,      // looks for a beginning that is computed
    kPrefill,  // its prompt is being computed
    kFollow,   // waits for the prompt of the call's first sequence
    kDecode,   // makes the answer
    kEnded,
  };
  struct Sequence {
    std::shared_ptr<Call> call;
    int index;  // in the call
    Slot* slot;
    Phase phase;
    Sampler sampler;
    TextAssembler assembler;
    int64_t output_tokens = 0;
    Token next = 0;       // kDecode: sampled and not yet in the cache
    int64_t planned = 0;  // tokens in the step's batch
    int32_t row = -1;     // of its logits in the batch; -1: none

    const std::vector<Token>& prompt() const { return call->request().prompt; }
  };

  void HandleNews(Inbox::News& news);
  void Admit(const std::shared_ptr<Call>& call);
  void Step();

  void Begin(Sequence& sequence);
  int64_t PlanPrefill();
  void FillBatch();
  void Absorb(Sequence& sequence);
  void StartFollowers(Sequence& first);
  void Take(Sequence& sequence, Token token);

  void EndSequence(Sequence& sequence, FinishReason reason, const std::string& error = {});
  void EndCall(const std::shared_ptr<Call>& call, FinishReason reason, const std::string& error);
  void FailBatch(const Error& error);
  void Publish();

  const Model& model_;
  const std::unique_ptr<Context> context_;
  const std::shared_ptr<Inbox> inbox_;
  const SystemClock clock_;
  SlotTable slots_;
  PrefillBudget budget_;
  std::vector<std::unique_ptr<Sequence>> sequences_;  // in order of arrival
  std::vector<Sequence*> by_slot_;                    // of the step, kept to reuse its memory

  std::atomic<int64_t> busy_tokens_ = 0;
  std::atomic<int64_t> queried_tokens_ = 0;
  std::atomic<int64_t> hit_tokens_ = 0;
};

}  // namespace beleg::engine
