// Any bytes become a JSON string that Parse takes; text that is UTF-8 comes back unchanged.
#include "base/bytes.h"
#include "fuzz.h"
#include "wire/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = beleg::fuzz::View(data, size);
  std::string written;
  beleg::wire::AppendJsonString(written, text);
  auto read = beleg::wire::Json::Parse(written);
  CHECK(read.has_value() && read->is_string(), "an escaped string is a JSON string");
  CHECK(beleg::IsUtf8(read->as_string()), "and UTF-8");
  if (beleg::IsUtf8(text)) CHECK(read->as_string() == text, "UTF-8 comes back unchanged");
  return 0;
}
