// Chunked framing gives the same body, end and error however it arrives.
#include <algorithm>

#include "fuzz.h"
#include "net/http1.h"

namespace net = beleg::net;

namespace {

struct Outcome {
  std::string body;
  bool done = false;
  bool failed = false;
  bool operator==(const Outcome&) const = default;
};

Outcome Decode(std::string_view bytes, size_t piece) {
  Outcome outcome;
  net::ChunkedDecoder decoder;
  size_t begin = 0, end = 0;
  while (end < bytes.size() && !decoder.done()) {
    end = std::min(bytes.size(), end + piece);
    auto used = decoder.Decode(bytes.substr(begin, end - begin), outcome.body);
    if (!used) return {"", false, true};
    CHECK(*used <= end - begin, "it takes no more than there is");
    begin += *used;
  }
  CHECK(outcome.body.size() <= bytes.size(), "a body is shorter than its framing");
  outcome.done = decoder.done();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = beleg::fuzz::View(data, size);
  Outcome whole = Decode(bytes, std::max<size_t>(size, 1));
  CHECK(whole == Decode(bytes, 1), "byte by byte gives the same");
  return 0;
}
