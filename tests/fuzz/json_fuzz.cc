// What Parse takes, Dump writes such that Parse gives the same value; writing is stable from then on.
#include "fuzz.h"
#include "wire/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto value = beleg::wire::Json::Parse(beleg::fuzz::View(data, size));
  if (!value) return 0;
  std::string text = value->Dump();
  auto again = beleg::wire::Json::Parse(text);
  CHECK(again.has_value(), "what Dump writes can be read");
  CHECK(*again == *value, "reading back gives the same value");
  CHECK(again->Dump() == text, "writing is stable");
  return 0;
}
