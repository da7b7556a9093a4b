// What the replay engine says, and the tokens of the words it hears. A token is a number made from the word alone, so no
// vocabulary is kept: a REPLAY word keeps its meaning, of any other word only a hash is left.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "engine/engine.h"

namespace beleg::engine {

// What the REPLAY words of a prompt ask for; see replay_engine.h.
struct ReplayOrders {
  std::optional<int64_t> tokens;
  std::optional<int64_t> delay_ms;
  std::optional<int64_t> fail_at;
  bool hang = false;
};

constexpr Token kReplayVocabulary = 0x7FFFFFFF;

// One token for each word; words are parted by ASCII white space.
std::vector<Token> ReplayTokenize(std::string_view text);
ReplayOrders OrdersOf(const std::vector<Token>& prompt);

// Words [first, first + count) of the endless text, each with the space before it. count is at most kReplayRunMax. The view
// lives as long as the process.
constexpr int64_t kReplayRunMax = 64;
std::string_view ReplayText(int64_t first, int64_t count);

// Over the words of the text: stands for the weights in the model's record.
Hash32 ReplayScriptHash();
int64_t ReplayScriptBytes();

}  // namespace beleg::engine
