// A bundle that is split and joined again is the same bytes.
#include "base/bytes.h"
#include "fuzz.h"
#include "verify/tiles.h"

namespace verify = beleg::verify;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bundle = beleg::fuzz::View(data, size);
  auto entries = verify::SplitBundle(bundle);
  if (!entries) return 0;
  std::string joined;
  for (const std::string& entry : *entries) {
    beleg::PutBig16(joined, static_cast<uint16_t>(entry.size()));
    joined += entry;
  }
  CHECK(joined == bundle, "a bundle has one form");
  return 0;
}
