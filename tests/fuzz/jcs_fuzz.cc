// The canonical form of any JSON is canonical, and there is one: text that ParseCanonical takes is it.
#include "fuzz.h"
#include "wire/jcs.h"

namespace wire = beleg::wire;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = beleg::fuzz::View(data, size);
  auto value = wire::Json::Parse(text);
  auto canonical_value = wire::ParseCanonical(text);
  CHECK(value.has_value() || !canonical_value.has_value(), "canonical JSON is JSON");
  if (!value) return 0;
  std::string canonical = wire::Canonicalize(*value);
  CHECK(canonical_value.has_value() == (canonical == text), "only the canonical form is taken");
  auto again = wire::ParseCanonical(canonical);
  CHECK(again.has_value(), "what Canonicalize writes is canonical");
  CHECK(wire::Canonicalize(*again) == canonical, "writing is stable");
  return 0;
}
