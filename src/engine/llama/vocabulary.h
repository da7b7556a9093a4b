// The model's vocabulary: text to tokens, tokens to bytes. Any thread.
#pragma once

#include <llama.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/engine.h"

namespace beleg::engine {

class Vocabulary {
 public:
  // vocabulary lives as long as its model. Copies the pieces once: O(size).
  explicit Vocabulary(const llama_vocab* vocabulary);

  Token size() const { return static_cast<Token>(piece_ends_.size()); }
  // The bytes a token stands for, perhaps part of a character; "" for a control token.
  std::string_view Piece(Token token) const;
  // Bytes of the longest text that becomes one token, special ones as they are written.
  int64_t LongestText() const;
  bool EndsText(Token token) const { return llama_vocab_is_eog(vocabulary_, token); }

  // With the model's opening token, where it wants one. kInvalidArgument: text that the tokenizer refuses.
  Result<std::vector<Token>> Tokenize(std::string_view text, bool parse_special) const;

  // SHA-256 over kind, special tokens, and text, score and attributes of each token, length-prefixed and little-endian:
  // two models with this hash cut text alike and mean the same by a token.
  Hash32 Hash() const;

 private:
  const llama_vocab* const vocabulary_;
  std::string pieces_;                // one after the other
  std::vector<uint32_t> piece_ends_;  // offset in pieces_ after each token
};

}  // namespace beleg::engine
