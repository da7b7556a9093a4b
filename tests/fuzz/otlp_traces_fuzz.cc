// What DecodeTraces takes, EncodeTraces writes such that it reads back the same; counting agrees with reading. Leaving wrong spans
// out changes nothing where none is wrong. ViewTraces takes and leaves out the same (and takes what DecodeTraces refuses for its copies
// of resources), and its spans can be read again.
#include "fuzz.h"
#include "wire/otlp_partial.h"
#include "wire/otlp_view.h"

namespace otlp = beleg::wire::otlp;

namespace {

void CheckViews(std::string_view request, const otlp::PartialSuccess& rejected) {
  otlp::PartialSuccess rejected_here;
  auto resources = otlp::ViewTraces(request, rejected_here);
  CHECK(resources.has_value(), "what can be decoded can be viewed");
  CHECK(rejected_here.rejected == rejected.rejected && rejected_here.message == rejected.message,
        "the same is left out");
  for (const auto& resource : *resources) {
    for (const auto& scope : resource.scopes) {
      for (const auto& span : scope.spans)
        CHECK(otlp::DecodeTraces(otlp::RequestOfSpan(scope.scope, span.bytes)).has_value(),
              "a span alone can be read");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view request = beleg::fuzz::View(data, size);
  auto scopes = otlp::DecodeTraces(request);
  auto count = otlp::CountSpans(request);
  otlp::PartialSuccess rejected;
  auto kept = otlp::DecodeTraces(request, rejected);
  CHECK(!scopes || (kept && otlp::EncodeTraces(*kept) == otlp::EncodeTraces(*scopes)),
        "a good request is kept whole");
  CHECK(!kept || scopes.has_value() == (rejected.rejected == 0), "what was left out is counted");
  if (kept) CheckViews(request, rejected);
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
