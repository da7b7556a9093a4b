// TextAssembler turns the byte pieces of tokens into text that may be shown: whole UTF-8 characters only, and nothing
// that is, or may become, a stop text.
//
// Characters: bytes that are not UTF-8 become U+FFFD, one for each maximal ill-formed part (Unicode 15, §3.9, practice of
//             WHATWG); a character that is split over tokens waits for its rest.
// Stops:      found across token borders. The stop text that is complete first ends the text; of two that are complete at
//             the same character, the longer. So the answer does not depend on where tokens are cut.
// Cost:       a piece costs O(its bytes × stop texts × longest stop text); without stop texts it is copied once.
// Threads:    one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace beleg::engine {

class TextAssembler {
 public:
  // Stop texts that are empty or not UTF-8 are ignored: they could match nothing, or half a character.
  explicit TextAssembler(std::vector<std::string> stops);

  struct Output {
    std::string_view text;  // valid until the next call
    int64_t tokens = 0;     // tokens pushed since the last output that had text; 0 when text is empty
    bool stopped = false;   // a stop text was found: text is the last there is, push no more
  };

  // piece: the bytes of tokens further tokens.
  Output Push(std::string_view piece, int64_t tokens = 1);

  // The end without a stop text: what was held back. The rest of a cut character becomes one U+FFFD.
  Output Flush();

 private:
  void Decode(std::string_view bytes);
  size_t HeldBack() const;
  Output Emit(size_t size, bool stopped);

  std::vector<std::string> stops_;
  size_t stop_bytes_max_ = 0;
  std::string partial_;  // the beginning of a character, at most 3 bytes
  std::string text_;     // whole characters: the first emitted_ bytes are out, the rest waits
  size_t emitted_ = 0;
  int64_t tokens_ = 0;  // pushed and not yet in an output
};

}  // namespace beleg::engine
