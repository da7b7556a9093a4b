#include "engine/llama/vocabulary.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <exception>
#include <limits>

#include "wire/sha256.h"

namespace beleg::engine {
namespace {

// Appends the bytes of a token to out.
void AppendPiece(const llama_vocab* vocabulary, Token token, std::string& out) {
  size_t begin = out.size();
  int32_t room = 32;
  out.resize(begin + static_cast<size_t>(room));
  int32_t size = llama_token_to_piece(vocabulary, token, out.data() + begin, room, 0, false);
  if (size < 0) {  // the room it wants
    room = -size;
    out.resize(begin + static_cast<size_t>(room));
    size = llama_token_to_piece(vocabulary, token, out.data() + begin, room, 0, false);
  }
  out.resize(begin + static_cast<size_t>(std::max(size, 0)));
}

// A rendered chat may write the opening token out that the tokenizer puts first too.
void DropDoubledOpening(const llama_vocab* vocabulary, std::vector<Token>& tokens) {
  Token opening = llama_vocab_bos(vocabulary);
  if (tokens.size() > 1 && tokens[0] == opening && tokens[1] == opening) tokens.erase(tokens.begin());
}

}  // namespace

Vocabulary::Vocabulary(const llama_vocab* vocabulary) : vocabulary_(vocabulary) {
  int32_t size = llama_vocab_n_tokens(vocabulary);
  piece_ends_.reserve(static_cast<size_t>(size));
  for (Token token = 0; token < size; ++token) {
    AppendPiece(vocabulary, token, pieces_);
    piece_ends_.push_back(static_cast<uint32_t>(pieces_.size()));
  }
}

std::string_view Vocabulary::Piece(Token token) const {
  auto at = static_cast<size_t>(token);
  uint32_t begin = at == 0 ? 0 : piece_ends_[at - 1];
  return std::string_view(pieces_).substr(begin, piece_ends_[at] - begin);
}

Result<std::vector<Token>> Vocabulary::Tokenize(std::string_view text, bool parse_special) const {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max())) {
    return Fail(ErrorCode::kInvalidArgument, "a text of {} bytes is too long for the tokenizer", text.size());
  }
  auto text_size = static_cast<int32_t>(text.size());
  // Seldom more than a token for two bytes; the second call is for those.
  std::vector<Token> tokens(text.size() / 2 + 16);
  try {
    for (int tries = 0; tries < 2; ++tries) {
      auto room = static_cast<int32_t>(tokens.size());
      int32_t count =
          llama_tokenize(vocabulary_, text.data(), text_size, tokens.data(), room, true, parse_special);
      if (count == std::numeric_limits<int32_t>::min()) break;
      tokens.resize(static_cast<size_t>(count < 0 ? -count : count));
      if (count < 0) continue;
      DropDoubledOpening(vocabulary_, tokens);
      return tokens;
    }
  } catch (const std::exception& error) {
    return Fail(ErrorCode::kInvalidArgument, "the tokenizer refuses the text: {}", error.what());
  }
  return Fail(ErrorCode::kInvalidArgument, "a text of {} bytes is too long for the tokenizer", text.size());
}

int64_t Vocabulary::LongestText() const {
  size_t longest = 0;
  for (Token token = 0; token < size(); ++token)
    longest = std::max({longest, Piece(token).size(), std::strlen(llama_vocab_get_text(vocabulary_, token))});
  return static_cast<int64_t>(longest);
}

Hash32 Vocabulary::Hash() const {
  wire::Sha256Stream hash;
  std::string record;
  auto put = [&](int64_t value) { PutLittle32(record, static_cast<uint32_t>(value)); };
  put(llama_vocab_type(vocabulary_));
  put(size());
  put(llama_vocab_bos(vocabulary_));
  put(llama_vocab_eos(vocabulary_));
  put(llama_vocab_eot(vocabulary_));
  put(llama_vocab_get_add_bos(vocabulary_));
  put(llama_vocab_get_add_eos(vocabulary_));
  for (Token token = 0; token < size(); ++token) {
    std::string_view text = llama_vocab_get_text(vocabulary_, token);
    put(static_cast<int64_t>(text.size()));
    record += text;
    PutLittle32(record, std::bit_cast<uint32_t>(llama_vocab_get_score(vocabulary_, token)));
    put(llama_vocab_get_attr(vocabulary_, token));
    hash.Update(record);
    record.clear();
  }
  return hash.Finish();
}

}  // namespace beleg::engine
