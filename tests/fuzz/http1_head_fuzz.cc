// A head is found at the same place however it arrives, and what is taken as a request or answer keeps the rules that
// stop smuggling: one Host, one framing, no control bytes in names and values.
#include "fuzz.h"
#include "net/http1.h"

namespace net = beleg::net;

namespace {

void CheckFields(const net::HttpHeaders& headers) {
  for (const auto& [name, value] : headers.fields()) {
    CHECK(!name.empty() && name.find_first_of(" :\t\r\n") == std::string::npos, "a name is a token");
    CHECK(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos, "a value is one line");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = beleg::fuzz::View(data, size);
  net::HeadScanner whole, pieces;
  auto state = whole.Scan(bytes);
  auto piecewise = net::HeadScanner::State::kMore;
  for (size_t end = 1; end <= size && piecewise == net::HeadScanner::State::kMore; ++end) {
    piecewise = pieces.Scan(bytes.substr(0, end));
  }
  CHECK(state == piecewise, "byte by byte gives the same answer");
  if (state != net::HeadScanner::State::kDone) return 0;
  CHECK(whole.size() == pieces.size() && whole.size() <= size, "and the same head");
  std::string_view head = bytes.substr(0, whole.size());
  if (auto request = net::ParseRequestHead(head)) {
    CHECK(!request->request.method.empty() && !request->request.target.empty(),
          "a request has method and target");
    CHECK(request->body.kind != net::BodyFraming::Kind::kUntilClose, "a request's body has an end");
    CheckFields(request->request.headers);
  } else {
    CHECK(request.error().status >= 400 && request.error().status < 600, "an error has a status");
  }
  if (auto response = net::ParseResponseHead(head, "GET")) CheckFields(response->response.headers);
  return 0;
}
