// A record has one form: what Decode takes, Encode gives back byte for byte, and its spans can be made.
#include "fuzz.h"
#include "record/audit_record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = beleg::fuzz::View(data, size);
  auto record = beleg::record::Decode(bytes);
  if (!record) return 0;
  CHECK(beleg::record::Encode(*record) == bytes, "a record has one form");
  return 0;
}
