// What is no HTTP, or could be read in two ways, gets one refusal and the end of the connection.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"
#include "net/http_server_testing.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using std::chrono::milliseconds;
using ::testing::StartsWith;

// Each is a way to make two readers of one connection disagree, or plainly wrong.
TEST(HttpServer, RefusesWhatCouldBeSmuggled) {
  auto server = Serve(Echo);
  constexpr std::string_view kBad[] = {
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5, 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0x5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length:\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ncontent-length : 5\r\n\r\nhello",
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: "
      "chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST / HTTP/1.1\r\nhost: x\r\n transfer-encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\n host: x\r\n\r\n",
      "GET / HTTP/1.1\nhost: x\n\n",
      "GET / HTTP/1.1\r\nhost: x\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\na: b\rc\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\na: b\x01\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: a/b\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\nno colon\r\n\r\n",
      "GET / HTTP/1.1\r\nhost: x\r\n: empty\r\n\r\n",
      "GET  / HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET / a HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET a HTTP/1.1\r\nhost: x\r\n\r\n",
      "CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET ftp://x/ HTTP/1.1\r\nhost: x\r\n\r\n",
      "GET / HTTP/1.1 \r\nhost: x\r\n\r\n",
      "GET / http/1.1\r\nhost: x\r\n\r\n",
      "GET /\r\nhost: x\r\n\r\n",
      "G<T / HTTP/1.1\r\nhost: x\r\n\r\n",
      "\x16\x03\x01\x02",  // TLS
  };
  for (std::string_view bytes : kBad) {
    std::string answer = AnswerTo(server->port(), bytes);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << bytes;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << "a second answer to: " << bytes;
  }
  EXPECT_EQ(server->counters().unreadable_heads, std::size(kBad));
  EXPECT_EQ(server->counters().requests, 0u);
  EXPECT_THAT(
      AnswerTo(server->port(), "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n"),
      StartsWith("HTTP/1.1 501 "));
}

TEST(HttpServer, RefusesHttp2WhereItIsSwitchedOff) {
  auto server = Serve(Echo, {.http2 = {.enabled = false}});
  EXPECT_THAT(AnswerTo(server->port(), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
}

TEST(HttpServer, RefusesBadChunks) {
  auto server = Serve(Echo);
  for (std::string_view body :
       {"x\r\n", "-1\r\n", "0x5\r\n", "5 5\r\n", "\r\n", "1\nA\r\n", "1\r\nAB\r\n", "1\r\nA\n0\r\n\r\n",
        "1000000000000000\r\n", "5\r;\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\n folded: x\r\n\r\n"}) {
    std::string answer =
        AnswerTo(server->port(),
                 "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + std::string(body));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << body;
  }
  std::string endless =
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1;" + std::string(5'000, 'a');
  EXPECT_THAT(AnswerTo(server->port(), endless), StartsWith("HTTP/1.1 400 "));
}

TEST(HttpServer, SurvivesRandomBytes) {
  auto server = Serve(Echo, {.head_timeout = milliseconds(100), .body_timeout = milliseconds(100)});
  SeededRng rng(7);
  const std::string_view parts[] = {"GET ",        "/ ",
                                    "HTTP/1.1",    "\r\n",
                                    "host: x\r\n", "content-length: 3\r\n",
                                    "\r\n\r\n",    "transfer-encoding: chunked\r\n",
                                    "0\r\n\r\n",   "5\r\nhello\r\n",
                                    ": ",          "\n"};
  for (int i = 0; i < 500; ++i) {
    std::string bytes;
    for (uint64_t n = rng.Next() % 12; n > 0; --n) {
      if (rng.Next() % 8 == 0) bytes.push_back(static_cast<char>(rng.Next() % 256));
      bytes += parts[rng.Next() % std::size(parts)];
    }
    RawSocket client(server->port());
    client.Send(bytes);
    client.ShutdownWrite();
    std::string answer = client.ReadAll();
    EXPECT_FALSE(client.timed_out());
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 ")) << bytes << "\n" << answer;
  }
  EXPECT_THAT(AnswerTo(server->port(), WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
              StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace beleg::net
