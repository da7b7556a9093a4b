#include "net/http_client.h"

#include <atomic>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread.h"
#include "net/http_server_testing.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

std::unique_ptr<HttpClient> OpenTo(uint16_t port, HttpClient::Options options = {}) {
  auto client = HttpClient::Open(fmt::format("http://127.0.0.1:{}/base", port), options);
  EXPECT_TRUE(client);
  return std::move(*client);
}

HttpRequest Post(std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

// A server of one connection that reads a request's head and answers with these bytes, as often as there are answers,
// then closes.
class Scripted {
 public:
  explicit Scripted(std::vector<std::string> answers)
      : thread_("scripted", [this, answers = std::move(answers)](std::stop_token) {
          RawSocket socket = listener_.Accept();
          for (const std::string& answer : answers) {
            heads_.push_back(socket.ReadUntil("\r\n\r\n"));
            socket.Send(answer);
          }
        }) {}
  uint16_t port() const { return listener_.port(); }
  // After the client got all answers.
  const std::vector<std::string>& heads() {
    thread_.Join();
    return heads_;
  }

 private:
  RawListener listener_;
  std::vector<std::string> heads_;
  Thread thread_;
};

Awaitable<void> StreamDigits(Exchange& exchange) {
  EXPECT_TRUE(co_await exchange.StartStream(200, HttpHeaders()));
  std::string block(1'000, '0');
  for (char digit = '0'; digit <= '9'; ++digit) {
    block.assign(block.size(), digit);
    EXPECT_TRUE(co_await exchange.Write(block));
  }
  EXPECT_TRUE(co_await exchange.EndStream());
}

TEST(HttpClient, SendsAndReadsOverOneConnection) {
  auto server = Serve(Echo);
  auto client = OpenTo(server->port());
  for (int i = 0; i < 3; ++i) {
    auto answer = client->Send(Post(fmt::format("body {}", i)));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->headers.Get("Content-Type"), "text/plain");
    EXPECT_EQ(answer->body, fmt::format("POST /base body {}", i));
  }
  EXPECT_EQ(client->Get("/x?y=1")->body, "GET /x?y=1 ");
  EXPECT_EQ(server->counters().connections_accepted, 1u);
}

TEST(HttpClient, SendsAPlainRequest) {
  Scripted server({std::string(kOk)});
  auto client = OpenTo(server.port());
  HttpRequest request = Post("");
  request.headers = {{"x-a", "1\r\nx-b: 2"}, {"Host", "other"}, {"content-length", "9"}};
  EXPECT_EQ(client->Send(request)->body, "ok");
  EXPECT_EQ(server.heads().at(0),
            fmt::format("POST /base HTTP/1.1\r\nx-a: 1  x-b: 2\r\nhost: 127.0.0.1:{}\r\nuser-agent: beleg\r\n"
                        "content-length: 0\r\n\r\n",
                        server.port()));
}

TEST(HttpClient, ReadsChunkedBodies) {
  auto server = Serve(StreamDigits);
  auto client = OpenTo(server->port());
  auto answer = client->Get("/");
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body.size(), 10'000u);
  EXPECT_EQ(answer->body.substr(999, 2), "01");
  EXPECT_TRUE(client->Get("/"));
  EXPECT_EQ(server->counters().connections_accepted, 1u);
}

TEST(HttpClient, ReadsABodyThatEndsByClose) {
  Scripted server({"HTTP/1.0 200 OK\r\n\r\nuntil the end"});
  EXPECT_EQ(OpenTo(server.port())->Get("/")->body, "until the end");
}

TEST(HttpClient, SkipsInterimAnswersAndTakesAnyStatus) {
  Scripted server(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 "
       "404\r\ncontent-length: 4\r\n\r\nnone"});
  auto answer = OpenTo(server.port())->Get("/");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(answer->body, "none");
}

TEST(HttpClient, ReadsNoBodyOfHeadAnd204) {
  Scripted server({"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
                   std::string(kOk)});
  auto client = OpenTo(server.port());
  HttpRequest head;
  head.method = "HEAD";
  EXPECT_EQ(client->Send(head)->headers.Get("content-length"), "100");
  EXPECT_EQ(client->Get("/")->status, 204);
  EXPECT_EQ(client->Get("/")->body, "ok");
  EXPECT_EQ(server.heads().size(), 3u);
}

TEST(HttpClient, HandsABodyOverPieceByPiece) {
  auto server = Serve(StreamDigits);
  auto client = OpenTo(server->port(), {.response_bytes_max = 10});
  HttpRequest get;
  get.method = "GET";
  std::string body;
  auto answer = client->Send(get, [&body](std::string_view piece) {
    body += piece;
    return true;
  });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->body, "");
  EXPECT_EQ(body.size(), 10'000u);
}

TEST(HttpClient, EndsAStreamWhenTheCallerHasEnough) {
  Scripted server({"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n"});
  auto client = OpenTo(server.port());
  HttpRequest get;
  get.method = "GET";
  auto answer = client->Send(get, [](std::string_view) { return false; });
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
}

TEST(HttpClient, GivesTheBodyOfAFailureWhole) {
  Scripted server({"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nbusy"});
  HttpRequest get;
  get.method = "GET";
  auto answer = OpenTo(server.port())->Send(get, [](std::string_view) { return false; });
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "busy");
}

TEST(HttpClient, ConnectsAnewWhenTheServerClosedAnIdleConnection) {
  auto server = Serve(Echo, {.idle_timeout = milliseconds(1'000)});  // a slow client has begun by then
  auto client = OpenTo(server->port());
  EXPECT_TRUE(client->Send(Post("1")));
  while (server->counters().connections_open > 0) std::this_thread::yield();
  EXPECT_TRUE(client->Send(Post("2")));
  EXPECT_EQ(server->counters().connections_accepted, 2u);
}

// Reads the second request and closes without an answer: what an idle timeout in the wrong moment looks like.
TEST(HttpClient, RepeatsAGetOnceWhenAKeptConnectionBreaks) {
  RawListener listener;
  std::atomic<int> requests = 0;
  Thread server("scripted", [&](std::stop_token) {
    RawSocket first = listener.Accept();
    for (int i = 0; i < 2; ++i) {
      if (!first.ReadUntil("\r\n\r\n").empty()) ++requests;
      if (i == 0) first.Send(kOk);
    }
    first.Close();
    RawSocket second = listener.Accept();
    if (!second.ReadUntil("\r\n\r\n").empty()) ++requests;
    second.Send(kOk);
    if (!second.ReadUntil("\r\n\r\n").empty()) ++requests;  // the POST
  });
  auto client = OpenTo(listener.port());
  EXPECT_EQ(client->Get("/")->body, "ok");
  EXPECT_EQ(client->Get("/")->body, "ok");
  EXPECT_EQ(client->Send(Post("x")).error().code, ErrorCode::kUnavailable);
  server.Join();
  EXPECT_EQ(requests, 4);
}

TEST(HttpClient, TakesTheAnswerOfAServerThatRefusesTheBody) {
  auto server = Serve(Echo, {.body_bytes_max = 10});
  auto answer = OpenTo(server->port())->Send(Post(std::string(1 << 20, 'x')));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
}

TEST(HttpClient, SaysUnavailableWhenNobodyListensOrTheServerBreaks) {
  uint16_t port = 0;
  {
    RawListener listener;
    port = listener.port();
  }
  auto refused = OpenTo(port)->Get("/");
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(refused.error().message, HasSubstr(fmt::format("127.0.0.1:{}", port)));
  for (const char* answer : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
                             "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"}) {
    Scripted server({answer});
    EXPECT_EQ(OpenTo(server.port())->Get("/").error().code, ErrorCode::kUnavailable) << answer;
  }
}

TEST(HttpClient, SaysDataLossWhenTheAnswerIsNotHttp) {
  for (const char* answer :
       {"hello\r\n\r\n", "HTTP/1.1 200 OK\n\n", "HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 2000 x\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", "\x15\x03\x01\x02\x02"}) {
    Scripted server({answer});
    EXPECT_EQ(OpenTo(server.port())->Get("/").error().code, ErrorCode::kDataLoss) << answer;
  }
}

TEST(HttpClient, HoldsTheSizeLimit) {
  for (const char* answer :
       {"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234567890",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n01234567890"}) {
    Scripted server({answer});
    EXPECT_EQ(OpenTo(server.port(), {.response_bytes_max = 10})->Get("/").error().code,
              ErrorCode::kResourceExhausted)
        << answer;
  }
}

TEST(HttpClient, GivesUpAtItsDeadlineAndWorksAgain) {
  RawListener silent;
  auto client = OpenTo(silent.port(), {.request_timeout = milliseconds(2'000)});  // enough for the second
  EXPECT_EQ(client->Get("/").error().code, ErrorCode::kDeadlineExceeded);
  Thread server("scripted", [&](std::stop_token) {
    silent.Accept().Close();
    RawSocket socket = silent.Accept();
    socket.ReadUntil("\r\n\r\n");
    socket.Send(kOk);
  });
  EXPECT_EQ(client->Get("/")->body, "ok");
}

TEST(HttpClient, CancelEndsASendInProgress) {
  RawListener silent;
  auto client = OpenTo(silent.port());
  Thread canceller("canceller", [&](std::stop_token) {
    RawSocket socket = silent.Accept();
    socket.ReadUntil("\r\n\r\n");
    client->Cancel();
  });
  EXPECT_EQ(client->Get("/").error().code, ErrorCode::kCancelled);
  canceller.Join();
  EXPECT_EQ(client->Get("/").error().code, ErrorCode::kCancelled);
}

TEST(HttpClient, ResolvesNames) {
  auto server = Serve(Echo);
  auto client = HttpClient::Open(fmt::format("http://LocalHost:{}", server->port()));
  EXPECT_EQ((*client)->Get("")->body, "GET / ");
  // RFC 6761 §6.4: such a name never resolves.
  auto unknown = HttpClient::Open("http://nobody.invalid:80", {.request_timeout = milliseconds(9'000)});
  EXPECT_EQ((*unknown)->Get("").error().code, ErrorCode::kUnavailable);
}

TEST(HttpClient, RefusesWhatItCannotSend) {
  EXPECT_EQ(HttpClient::Open("x").error().code, ErrorCode::kInvalidArgument);
  auto client = OpenTo(1);
  EXPECT_EQ(client->Get("/a b").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(client->Get("/\r\nhost: x").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::net
