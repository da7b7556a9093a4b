// What ParseTlogProof takes, FormatTlogProof writes such that it reads back the same.
#include "fuzz.h"
#include "verify/proof.h"

namespace verify = beleg::verify;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto proof = verify::ParseTlogProof(beleg::fuzz::View(data, size));
  if (!proof) return 0;
  auto again = verify::ParseTlogProof(verify::FormatTlogProof(*proof));
  CHECK(again.has_value(), "what FormatTlogProof writes can be read");
  CHECK(again->extra == proof->extra && again->index == proof->index && again->hashes == proof->hashes &&
            again->checkpoint == proof->checkpoint,
        "reading back gives the same proof");
  return 0;
}
