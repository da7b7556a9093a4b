// What TracesFromJson takes is protobuf that DecodeTraces takes, and TracesToJson writes it such that it reads
// back the same.
#include "fuzz.h"
#include "wire/otlp_json.h"

namespace otlp = beleg::wire::otlp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto request = otlp::TracesFromJson(beleg::fuzz::View(data, size));
  if (!request) return 0;
  auto scopes = otlp::DecodeTraces(*request);
  CHECK(scopes.has_value(), "JSON and protobuf have the same rules");
  auto again = otlp::TracesFromJson(otlp::TracesToJson(*scopes).Dump());
  CHECK(again.has_value(), "what TracesToJson writes can be read");
  CHECK(*again == otlp::EncodeTraces(*scopes), "reading back gives the same spans");
  return 0;
}
