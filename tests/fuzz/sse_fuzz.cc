// Events do not depend on where the stream is cut into pieces.
#include <vector>

#include "fuzz.h"
#include "wire/sse.h"

namespace {

std::vector<std::string> Events(std::string_view stream, size_t piece) {
  std::vector<std::string> events;
  beleg::wire::SseParser parser(1000);
  while (!stream.empty()) {
    parser.Feed(stream.substr(0, piece), [&](beleg::wire::SseEvent event) {
      CHECK(event.data.size() + event.comment.size() <= 1000, "the limit holds");
      events.push_back(event.is_comment ? ": " + event.comment : event.event + ": " + event.data);
    });
    stream.remove_prefix(std::min(piece, stream.size()));
  }
  events.push_back(parser.overflow() ? "overflow" : "");
  return events;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view stream = beleg::fuzz::View(data, size);
  auto whole = Events(stream, SIZE_MAX);
  CHECK(whole == Events(stream, 1), "byte by byte gives the same events");
  CHECK(whole == Events(stream, 7), "pieces of 7 give the same events");
  return 0;
}
