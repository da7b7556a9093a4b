#include "engine/llama/slots.h"

#include <algorithm>
#include <tuple>

#include "base/check.h"

namespace beleg::engine {

int64_t CommonPrefix(const std::vector<Token>& a, const std::vector<Token>& b) {
  size_t size = std::min(a.size(), b.size());
  return std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(size), b.begin()).first - a.begin();
}

SlotTable::SlotTable(int count) : slots_(static_cast<size_t>(count)) {
  for (int i = 0; i < count; ++i) slots_[static_cast<size_t>(i)].id = i;
}

Slot& SlotTable::Take(const std::vector<Token>& prompt) {
  Slot* best = nullptr;
  std::tuple<int, int64_t, int64_t> best_rank;  // smallest wins
  for (Slot& slot : slots_) {
    if (slot.busy) continue;
    std::tuple rank(RunsWith(slot.id), -CommonPrefix(slot.tokens, prompt), slot.used);
    if (best == nullptr || rank < best_rank) best = &slot, best_rank = rank;
  }
  CHECK(best != nullptr, "the inbox admits no more sequences than there are slots");
  best->busy = true;
  best->used = ++takes_;
  return *best;
}

void SlotTable::GiveBack(Slot& slot) {
  slot.busy = false;
  slot.target = nullptr;
}

SlotTable::Donor SlotTable::BestNow(const std::vector<Token>& prompt) {
  Donor best;
  for (Slot& slot : slots_) {
    int64_t tokens = CommonPrefix(slot.tokens, prompt);
    if (tokens > best.tokens) best = {&slot, tokens};
  }
  return best;
}

SlotTable::Donor SlotTable::BestSoon(const std::vector<Token>& prompt) {
  Donor best;
  for (Slot& slot : slots_) {
    int64_t tokens = slot.target != nullptr ? CommonPrefix(*slot.target, prompt) : 0;
    if (tokens > best.tokens) best = {&slot, tokens};
  }
  return best;
}

int64_t SlotTable::busy_tokens() const {
  int64_t tokens = 0;
  for (const Slot& slot : slots_) tokens += slot.busy ? static_cast<int64_t>(slot.tokens.size()) : 0;
  return tokens;
}

// Runs of neighbouring busy slots, were slot id busy too.
int SlotTable::RunsWith(int id) const {
  int runs = 0;
  bool before = false;
  for (const Slot& slot : slots_) {
    bool busy = slot.busy || slot.id == id;
    runs += busy && !before ? 1 : 0;
    before = busy;
  }
  return runs;
}

}  // namespace beleg::engine
