// What DecodeTraces takes, EncodeTraces writes such that it reads back the same; counting agrees with reading. Leaving wrong spans
// out changes nothing where none is wrong.
#include "fuzz.h"
#include "wire/otlp_partial.h"

namespace otlp = beleg::wire::otlp;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view request = beleg::fuzz::View(data, size);
  auto scopes = otlp::DecodeTraces(request);
  auto count = otlp::CountSpans(request);
  otlp::PartialSuccess rejected;
  auto kept = otlp::DecodeTraces(request, rejected);
  CHECK(!scopes || (kept && otlp::EncodeTraces(*kept) == otlp::EncodeTraces(*scopes)),
        "a good request is kept whole");
  CHECK(!kept || scopes.has_value() == (rejected.rejected == 0), "what was left out is counted");
  if (!scopes) return 0;
  size_t spans = 0;
  for (const auto& scope : *scopes) spans += scope.spans.size();
  CHECK(count.has_value() && *count == spans, "CountSpans sees what DecodeTraces gives");
  std::string written = otlp::EncodeTraces(*scopes);
  auto again = otlp::DecodeTraces(written);
  CHECK(again.has_value(), "what EncodeTraces writes can be read");
  CHECK(otlp::EncodeTraces(*again) == written, "writing is stable");
  return 0;
}
