// SlotTable says which slot of the KV cache a sequence takes, and from whom it can copy what is computed already.
//
// A slot is one sequence id of llama.cpp with a stream of the cache of its own. A slot that is given back keeps what it
// holds: a later prompt that begins alike takes it over. Pure bookkeeping: no llama.cpp here. Engine's thread only.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/engine.h"

namespace beleg::engine {

struct Slot {
  int id = 0;
  std::vector<Token> tokens;                   // whose keys and values the slot holds, by position
  const std::vector<Token>* target = nullptr;  // the prompt that is being computed here
  bool busy = false;
  int64_t used = 0;  // count of takes when it was taken last
};

// Tokens at the start that are the same.
int64_t CommonPrefix(const std::vector<Token>& a, const std::vector<Token>& b);

class SlotTable {
 public:
  explicit SlotTable(int count);

  // Takes a free slot; there must be one. Best is the slot that leaves the busy ones in fewest runs of neighbours, because
  // llama.cpp computes a step once for each run; of those the one with most of the prompt; then the longest unused.
  Slot& Take(const std::vector<Token>& prompt);
  void GiveBack(Slot& slot);

  struct Donor {
    Slot* slot = nullptr;
    int64_t tokens = 0;  // of the prompt
  };
  // The slot that holds most of the prompt now.
  Donor BestNow(const std::vector<Token>& prompt);
  // The slot that will hold most of it when the prompt it works on is computed.
  Donor BestSoon(const std::vector<Token>& prompt);

  size_t size() const { return slots_.size(); }
  // Tokens in busy slots.
  int64_t busy_tokens() const;

 private:
  int RunsWith(int id) const;

  std::vector<Slot> slots_;
  int64_t takes_ = 0;
};

}  // namespace beleg::engine
