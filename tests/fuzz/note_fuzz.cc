// A note with any bytes in it is never opened: nobody has the key.
#include "fuzz.h"
#include "verify/note.h"

namespace verify = beleg::verify;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = beleg::fuzz::View(data, size);
  static const verify::VerifierKey key =
      *verify::ParseVerifierKey(verify::FormatVerifierKey("log.test/one", beleg::Hash32{1, 2, 3}));
  CHECK(!verify::OpenNote(bytes, key), "no signature of that key exists");
  if (auto note = verify::ParseNote(bytes)) {
    CHECK(!note->text.empty() && note->text.back() == '\n', "a note's text ends with a newline");
    auto checkpoint = verify::ParseCheckpoint(note->text);
    CHECK(!checkpoint || !checkpoint->origin.empty(), "a checkpoint has an origin");
  }
  if (auto parsed = verify::ParseVerifierKey(bytes)) {
    CHECK(verify::FormatVerifierKey(parsed->name, parsed->public_key) == bytes, "a key has one form");
  }
  return 0;
}
