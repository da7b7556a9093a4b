#include "engine/llama/scheduler.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace beleg::engine {
namespace {

// Copying a slot costs as much as computing some tokens; below so many saved it is not worth it.
constexpr int64_t kCopyTokensMin = 32;

const std::vector<Token>& NoPrompt() {
  static const std::vector<Token> none;
  return none;
}

}  // namespace

Scheduler::Scheduler(const Model& model, std::unique_ptr<Context> context, std::shared_ptr<Inbox> inbox,
                     int sequences_max, int prefill_chunk_tokens)
    : model_(model),
      context_(std::move(context)),
      inbox_(std::move(inbox)),
      slots_(sequences_max),
      budget_(prefill_chunk_tokens) {}

void Scheduler::Run() {
  inbox_->Bind();
  Inbox::News news;
  while (true) {
    std::optional<int64_t> until_us;
    if (!sequences_.empty()) until_us = 0;  // there is work: only look
    inbox_->Wait(until_us, news);
    HandleNews(news);
    if (news.closed) return;
    if (!sequences_.empty()) Step();
    std::erase_if(sequences_, [](const auto& sequence) { return sequence->phase == Phase::kEnded; });
    Publish();
  }
}

EngineStats Scheduler::stats() const {
  EngineStats stats;
  stats.running = inbox_->running();
  stats.waiting = inbox_->waiting();
  auto room = static_cast<double>(model_.info().context_tokens) * static_cast<double>(slots_.size());
  stats.kv_cache_usage =
      std::min(1.0, static_cast<double>(busy_tokens_.load(std::memory_order_relaxed)) / room);
  stats.prefix_queried_tokens = queried_tokens_.load(std::memory_order_relaxed);
  stats.prefix_hit_tokens = hit_tokens_.load(std::memory_order_relaxed);
  return stats;
}

void Scheduler::Publish() { busy_tokens_.store(slots_.busy_tokens(), std::memory_order_relaxed); }

void Scheduler::HandleNews(Inbox::News& news) {
  for (auto& call : news.admitted) Admit(call);
  for (auto& call : news.dropped) {
    if (news.closed)
      call->Finish(FinishReason::kError, "the engine was stopped", clock_.MonoMicros());
    else
      call->Finish(FinishReason::kCancelled, {}, clock_.MonoMicros());
  }
  if (!news.cancelled && !news.closed) return;
  for (auto& sequence : sequences_) {
    if (sequence->phase == Phase::kEnded) continue;
    if (news.closed)
      EndCall(sequence->call, FinishReason::kError, "the engine was stopped");
    else if (sequence->call->cancelled())
      EndCall(sequence->call, FinishReason::kCancelled, {});
  }
  std::erase_if(sequences_, [](const auto& sequence) { return sequence->phase == Phase::kEnded; });
}

void Scheduler::Admit(const std::shared_ptr<Call>& call) {
  const GenerateRequest& request = call->request();
  for (int i = 0; i < request.sequences; ++i) {
    Slot& slot = slots_.Take(i == 0 ? request.prompt : NoPrompt());
    sequences_.push_back(std::make_unique<Sequence>(Sequence{
        .call = call,
        .index = i,
        .slot = &slot,
        .phase = i == 0 ? Phase::kNew : Phase::kFollow,
        .sampler = Sampler(request.sampling, model_.raw_vocabulary(), request.prompt, i),
        .assembler = TextAssembler(request.stop),
    }));
  }
}

void Scheduler::Step() {
  int64_t start_us = clock_.MonoMicros();
  for (auto& sequence : sequences_) {
    if (sequence->phase == Phase::kNew) Begin(*sequence);
  }
  int64_t prompt_tokens = PlanPrefill();
  FillBatch();
  CHECK(context_->batch_tokens() > 0, "somebody always has a token to compute");
  auto computed = context_->Compute();
  if (!computed) return FailBatch(computed.error());
  budget_.Observe(prompt_tokens, clock_.MonoMicros() - start_us);
  for (Sequence* sequence : by_slot_) Absorb(*sequence);
}

// Finds what of the prompt is computed already, in the sequence's own slot or another; then its prefill begins. Waits
// where another sequence is just computing more of it.
void Scheduler::Begin(Sequence& sequence) {
  const std::vector<Token>& prompt = sequence.prompt();
  Slot& slot = *sequence.slot;
  int64_t keep = 0;
  if (context_->keeps_parts()) {
    // The last token must be computed in any case: its logits are wanted.
    auto most = static_cast<int64_t>(prompt.size()) - 1;
    int64_t own = std::min(CommonPrefix(slot.tokens, prompt), most);
    SlotTable::Donor now = slots_.BestNow(prompt);
    SlotTable::Donor soon = slots_.BestSoon(prompt);
    if (std::min(soon.tokens, most) >= std::max(own, now.tokens) + kCopyTokensMin) return;
    keep = own;
    if (std::min(now.tokens, most) >= own + kCopyTokensMin) {
      context_->Copy(now.slot->id, slot.id);
      keep = std::min(now.tokens, most);
    }
  }
  if (!context_->Keep(slot.id, keep)) keep = 0;
  slot.tokens.assign(prompt.begin(), prompt.begin() + keep);
  slot.target = &prompt;
  sequence.phase = Phase::kPrefill;
  sequence.call->set_cached_tokens(keep);
  sequence.call->MarkPrefill(clock_.MonoMicros());
  queried_tokens_.fetch_add(static_cast<int64_t>(prompt.size()), std::memory_order_relaxed);
  hit_tokens_.fetch_add(keep, std::memory_order_relaxed);
}

// Says how much of each prompt is in the step. Returns the sum.
int64_t Scheduler::PlanPrefill() {
  bool others_wait = std::any_of(sequences_.begin(), sequences_.end(),
                                 [](const auto& s) { return s->phase == Phase::kDecode; });
  int64_t budget = budget_.Tokens(others_wait);
  int64_t left = budget;
  for (auto& sequence : sequences_) {
    sequence->planned = 0;
    if (sequence->phase != Phase::kPrefill) continue;
    auto missing = static_cast<int64_t>(sequence->prompt().size() - sequence->slot->tokens.size());
    sequence->planned = std::min(left, missing);
    left -= sequence->planned;
  }
  return budget - left;
}

// llama.cpp wants the sequences of a batch in the order of their ids.
void Scheduler::FillBatch() {
  by_slot_.clear();
  for (auto& sequence : sequences_) {
    sequence->row = -1;
    if (sequence->phase == Phase::kDecode) sequence->planned = 1;
    if (sequence->planned > 0) by_slot_.push_back(sequence.get());
  }
  std::sort(by_slot_.begin(), by_slot_.end(),
            [](Sequence* a, Sequence* b) { return a->slot->id < b->slot->id; });
  context_->Clear();
  for (Sequence* sequence : by_slot_) {
    Slot& slot = *sequence->slot;
    auto position = static_cast<int64_t>(slot.tokens.size());
    if (sequence->phase == Phase::kDecode) {
      sequence->row = context_->Add(sequence->next, position, slot.id, true);
      continue;
    }
    const std::vector<Token>& prompt = sequence->prompt();
    int64_t end = position + sequence->planned;
    for (; position < end; ++position) {
      bool last = position + 1 == static_cast<int64_t>(prompt.size());
      int32_t row = context_->Add(prompt[static_cast<size_t>(position)], position, slot.id, last);
      if (last) sequence->row = row;
    }
  }
}

// The step is computed: notes what the slot holds now, and draws the next token where there are logits.
void Scheduler::Absorb(Sequence& sequence) {
  std::vector<Token>& tokens = sequence.slot->tokens;
  if (sequence.phase == Phase::kDecode) {
    tokens.push_back(sequence.next);
  } else {
    auto begin = sequence.prompt().begin() + static_cast<std::ptrdiff_t>(tokens.size());
    tokens.insert(tokens.end(), begin, begin + sequence.planned);
  }
  if (sequence.row < 0) return;
  if (sequence.phase == Phase::kPrefill) {
    sequence.slot->target = nullptr;
    sequence.call->MarkDecode(clock_.MonoMicros());
    StartFollowers(sequence);
  }
  Take(sequence, sequence.sampler.Sample(context_->get(), sequence.row));
}

// The other sequences of a call begin from the first one's prompt and its logits.
void Scheduler::StartFollowers(Sequence& first) {
  if (first.call->request().sequences == 1) return;
  for (auto& sequence : sequences_) {
    if (sequence->call != first.call || sequence->phase != Phase::kFollow) continue;
    context_->Copy(first.slot->id, sequence->slot->id);
    sequence->slot->tokens = first.slot->tokens;
    Take(*sequence, sequence->sampler.Sample(context_->get(), first.row));
  }
}

// One more token of an answer.
void Scheduler::Take(Sequence& sequence, Token token) {
  const GenerateRequest& request = sequence.call->request();
  sequence.phase = Phase::kDecode;
  ++sequence.output_tokens;
  if (!request.ignore_eos && model_.vocabulary().EndsText(token))
    return EndSequence(sequence, FinishReason::kStop);

  TextAssembler::Output out = sequence.assembler.Push(model_.vocabulary().Piece(token));
  if (!out.text.empty()) sequence.call->OnText(sequence.index, out.text, out.tokens);
  if (out.stopped) return EndSequence(sequence, FinishReason::kStop);
  int64_t room = model_.info().context_tokens - static_cast<int64_t>(request.prompt.size());
  if (sequence.output_tokens >= std::min(request.max_tokens, room))
    return EndSequence(sequence, FinishReason::kLength);
  sequence.next = token;
}

// Ends a sequence, and the call when it was the last one.
void Scheduler::EndSequence(Sequence& sequence, FinishReason reason, const std::string& error) {
  std::shared_ptr<Call> call = sequence.call;
  TextAssembler::Output rest = sequence.assembler.Flush();
  if (!rest.text.empty()) call->OnText(sequence.index, rest.text, rest.tokens);
  sequence.phase = Phase::kEnded;
  slots_.GiveBack(*sequence.slot);
  inbox_->ReleaseSequence();
  call->EndSequence(sequence.index, reason, sequence.output_tokens);
  if (call->open_sequences() > 0) return;
  inbox_->ReleaseCall();
  call->Finish(reason, error, clock_.MonoMicros());
}

void Scheduler::EndCall(const std::shared_ptr<Call>& call, FinishReason reason, const std::string& error) {
  for (auto& sequence : sequences_) {
    if (sequence->call == call && sequence->phase != Phase::kEnded) EndSequence(*sequence, reason, error);
  }
}

// Nothing is known of the slots that were in the batch: they are emptied, their calls end.
void Scheduler::FailBatch(const Error& error) {
  LOG_ERROR("engine.step_failed", F("error", error.message), F("sequences", by_slot_.size()));
  for (Sequence* sequence : by_slot_) {
    context_->Forget(sequence->slot->id);
    sequence->slot->tokens.clear();
  }
  for (Sequence* sequence : by_slot_) {
    if (sequence->phase != Phase::kEnded) EndCall(sequence->call, FinishReason::kError, error.message);
  }
}

}  // namespace beleg::engine
