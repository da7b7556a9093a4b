#include "net/http_server.h"

#include <sys/resource.h>
#include <unistd.h>

#include <exception>
#include <future>
#include <thread>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/thread.h"
#include "net/http_server_testing.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  auto server = Serve(Echo);
  RawSocket client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.Send(fmt::format("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", i));
    EXPECT_EQ(
        client.ReadResponse(),
        fmt::format("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nGET /{} ", i));
  }
  EXPECT_EQ(server->counters().connections_accepted, 1u);
  EXPECT_EQ(server->counters().requests, 3u);
}

TEST(HttpServer, ReadsASizedBody) {
  auto server = Serve(Echo);
  EXPECT_THAT(AnswerTo(server->port(),
                       "POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"),
              EndsWith("connection: close\r\n\r\nPOST /p hello"));
}

TEST(HttpServer, ReadsAChunkedBodyWithExtensionsAndTrailers) {
  auto server = Serve(Echo);
  EXPECT_THAT(
      AnswerTo(server->port(),
               "POST /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: Chunked\r\nconnection: close\r\n\r\n"
               "5;name=\"v\"\r\nhello\r\nA \r\n, big worl\r\n1\r\nd\r\n0\r\nx-sum: 1\r\n\r\n"),
      EndsWith("\r\n\r\nPOST /p hello, big world"));
}

TEST(HttpServer, ReadsAClientThatSendsByteByByte) {
  auto server = Serve(Echo);
  RawSocket client(server->port());
  for (int round = 0; round < 2; ++round) {
    for (char c : std::string_view("\r\nPOST /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
                                   "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")) {
      ASSERT_TRUE(client.Send({&c, 1}));
    }
    EXPECT_THAT(client.ReadResponse(), EndsWith("POST /p abcde"));
  }
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  auto server = Serve(Echo);
  std::string requests;
  for (int i = 0; i < 1'000; ++i) {
    requests += fmt::format("POST /{} HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nab", i);
  }
  RawSocket client(server->port());
  Thread sender("sender", [&](std::stop_token) { client.Send(requests); });
  for (int i = 0; i < 1'000; ++i) ASSERT_THAT(client.ReadResponse(), EndsWith(fmt::format("POST /{} ab", i)));
}

// gcc 12 cannot compile a braced list of fields within a co_await expression: it is made before.
Awaitable<void> StreamThree(Exchange& exchange) {
  HttpHeaders headers{{"content-type", "text/event-stream"}};
  EXPECT_TRUE(co_await exchange.StartStream(200, headers));
  EXPECT_TRUE(co_await exchange.Write("data: 1\n\n"));
  EXPECT_TRUE(co_await exchange.Write(""));  // must not end the body
  EXPECT_TRUE(co_await exchange.Write("data: 22\n\n"));
  EXPECT_TRUE(co_await exchange.EndStream());
}

TEST(HttpServer, StreamsInChunksAndKeepsTheConnection) {
  auto server = Serve(StreamThree);
  RawSocket client(server->port());
  for (int i = 0; i < 2; ++i) {
    client.Send(kGet);
    EXPECT_EQ(client.ReadUntil("0\r\n\r\n"),
              "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
              "9\r\ndata: 1\n\n\r\na\r\ndata: 22\n\n\r\n0\r\n\r\n");
  }
}

TEST(HttpServer, AnswersHttp10ByClose) {
  auto server = Serve(StreamThree);
  EXPECT_EQ(AnswerTo(server->port(), "GET / HTTP/1.0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\ndata: "
            "22\n\n");
}

TEST(HttpServer, KeepsHttp10ConnectionsWhenAsked) {
  auto server = Serve(Echo);
  RawSocket client(server->port());
  client.Send("GET /1 HTTP/1.0\r\nconnection: Keep-Alive\r\n\r\n");
  EXPECT_THAT(client.ReadResponse(), HasSubstr("connection: keep-alive"));
  client.Send("GET /2 HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("connection: close\r\n\r\nGET /2 "));
}

TEST(HttpServer, AnswersHeadWithoutBody) {
  auto echo = Serve(Echo);
  EXPECT_THAT(AnswerTo(echo->port(), WithClose("HEAD /abc HTTP/1.1\r\nhost: x\r\n")),
              EndsWith("content-length: 10\r\nconnection: close\r\n\r\n"));
  auto stream = Serve(StreamThree);
  EXPECT_THAT(AnswerTo(stream->port(), WithClose("HEAD / HTTP/1.1\r\nhost: x\r\n")),
              EndsWith("transfer-encoding: chunked\r\nconnection: close\r\n\r\n"));
}

Awaitable<void> NoContent(Exchange& exchange) {
  HttpResponse response{204, {}, "dropped"};
  EXPECT_TRUE(co_await exchange.Reply(response));
}

TEST(HttpServer, Answers204WithoutLengthAndBody) {
  auto server = Serve(NoContent);
  EXPECT_EQ(AnswerTo(server->port(), WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
            "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
}

Awaitable<void> SizedStream(Exchange& exchange) {
  HttpHeaders headers{{"Content-Length", "6"}};
  EXPECT_TRUE(co_await exchange.StartStream(200, headers));
  EXPECT_TRUE(co_await exchange.Write("abc"));
  auto too_much = co_await exchange.Write("defg");
  EXPECT_EQ(too_much.error().code, ErrorCode::kInternal);
  EXPECT_EQ((co_await exchange.EndStream()).error().code, ErrorCode::kInternal);
  EXPECT_TRUE(co_await exchange.Write("def"));
  EXPECT_TRUE(co_await exchange.EndStream());
}

TEST(HttpServer, HoldsAStreamToItsContentLength) {
  auto server = Serve(SizedStream);
  EXPECT_EQ(AnswerTo(server->port(), WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
            "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nabcdef");
}

Awaitable<void> ForgingHeader(Exchange& exchange) {
  HttpResponse response{
      200, {{"x-id", "1\r\nset-cookie: a"}, {"bad name", "1"}, {"Content-Length", "99"}}, "ok"};
  EXPECT_TRUE(co_await exchange.Reply(std::move(response)));
}

TEST(HttpServer, LetsNoHeaderValueForgeAField) {
  auto server = Serve(ForgingHeader);
  EXPECT_EQ(AnswerTo(server->port(), WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
            "HTTP/1.1 200 OK\r\nx-id: 1  set-cookie: a\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
}

TEST(HttpServer, SendsContinueOnlyWhenTheBodyIsAwaited) {
  auto server = Serve(Echo, {.body_bytes_max = 10});
  RawSocket client(server->port());
  client.Send("POST /p HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("ab");
  EXPECT_THAT(client.ReadResponse(), EndsWith("POST /p ab"));
  client.Send("POST /p HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 11\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(
      AnswerTo(server->port(), "POST /p HTTP/1.1\r\nhost: x\r\nexpect: tea\r\ncontent-length: 2\r\n\r\n"),
      StartsWith("HTTP/1.1 417 "));
}

TEST(HttpServer, TakesAbsoluteTargets) {
  auto server = Serve(Echo);
  EXPECT_THAT(AnswerTo(server->port(), WithClose("GET http://other:1/a?b=c HTTP/1.1\r\nhost: x\r\n")),
              EndsWith("GET /a?b=c "));
  EXPECT_THAT(AnswerTo(server->port(), WithClose("GET http://other HTTP/1.1\r\nhost: x\r\n")),
              EndsWith("GET / "));
}

Awaitable<void> NoAnswer(Exchange&) { co_return; }
Awaitable<void> Explodes(Exchange& exchange) {
  if (exchange.request().target == "/late") {
    EXPECT_TRUE(co_await exchange.StartStream(200, HttpHeaders()));
  }
  std::vector<int>().at(1);
}
Awaitable<void> UnfinishedStream(Exchange& exchange) {
  EXPECT_TRUE(co_await exchange.StartStream(200, HttpHeaders()));
  EXPECT_TRUE(co_await exchange.Write("half"));
}

TEST(HttpServer, Answers500ForAHandlerWithoutAnswer) {
  auto silent = Serve(NoAnswer);
  EXPECT_THAT(AnswerTo(silent->port(), WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
              StartsWith("HTTP/1.1 500 "));
  auto exploding = Serve(Explodes);
  EXPECT_THAT(AnswerTo(exploding->port(), WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
              StartsWith("HTTP/1.1 500 "));
}

TEST(HttpServer, BreaksTheConnectionOfAnUnfinishedStream) {
  auto unfinished = Serve(UnfinishedStream);
  EXPECT_THAT(AnswerTo(unfinished->port(), kGet), EndsWith("\r\n\r\n4\r\nhalf\r\n"));
  auto exploding = Serve(Explodes);
  EXPECT_THAT(AnswerTo(exploding->port(), "GET /late HTTP/1.1\r\nhost: x\r\n\r\n"),
              EndsWith("chunked\r\n\r\n"));
}

TEST(HttpServer, Refuses413BeforeReadingTheBody) {
  auto server = Serve(Echo, {.body_bytes_max = 10});
  EXPECT_THAT(AnswerTo(server->port(), "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(
      AnswerTo(server->port(),
               "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n"),
      StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(
      AnswerTo(server->port(),
               "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nconnection: close\r\n\r\n0123456789"),
      StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(server->counters().unreadable_heads, 0u);
}

TEST(HttpServer, LetsAClientReadItsRefusalWhileItSends) {
  auto server = Serve(Echo, {.body_bytes_max = 10});
  RawSocket client(server->port());
  std::string body(1 << 20, 'x');
  ASSERT_TRUE(
      client.Send(fmt::format("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.size())));
  EXPECT_TRUE(client.Send(body));
  client.ShutdownWrite();
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 413 "));
}

Awaitable<HttpResponse> TeapotFor(std::vector<int>& statuses, int status) {
  statuses.push_back(status);
  co_return MakeResponse(418, "text/plain", "recorded");
}

TEST(HttpServer, AsksForTheAnswerToARefusedBody) {
  std::vector<int> statuses;
  HttpServerOptions options;
  options.body_bytes_max = 10;
  options.refuse_body = [&statuses](const HttpRequest& head, int status, std::string) {
    EXPECT_EQ(head.target, "/r");
    return TeapotFor(statuses, status);
  };
  auto server = Serve(Echo, std::move(options));
  EXPECT_THAT(AnswerTo(server->port(), "POST /r HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n"),
              EndsWith("recorded"));
  EXPECT_THAT(
      AnswerTo(server->port(), "POST /r HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
      EndsWith("recorded"));
  RawSocket client(server->port());
  client.Send("POST /r HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab");
  client.ShutdownWrite();
  EXPECT_EQ(client.ReadAll(), "");
  server->Stop(seconds(60));
  EXPECT_EQ(statuses, (std::vector{413, 400, 499}));
}

TEST(HttpServer, Refuses431ForALargeHead) {
  auto server = Serve(Echo, {.head_bytes_max = 1'000});
  EXPECT_THAT(
      AnswerTo(server->port(), "GET / HTTP/1.1\r\nhost: x\r\na: " + std::string(1'000, 'x') + "\r\n\r\n"),
      StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(AnswerTo(server->port(), "GET /" + std::string(2'000, 'x')), StartsWith("HTTP/1.1 431 "));
  std::string many = "GET / HTTP/1.1\r\nhost: x\r\n";
  for (int i = 0; i < 300; ++i) many += "a:\r\n";
  auto wide = Serve(Echo);
  EXPECT_THAT(AnswerTo(wide->port(), many + "\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(server->counters().unreadable_heads, 2u);
}

TEST(HttpServer, Answers408AndClosesIdleConnections) {
  // A slow client has begun before the idle timeout; what it begins with comes in one piece.
  auto server = Serve(Echo, {.head_timeout = milliseconds(80),
                             .body_timeout = milliseconds(80),
                             .idle_timeout = milliseconds(1'000)});
  EXPECT_THAT(AnswerTo(server->port(), "GET / HT"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(AnswerTo(server->port(), "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab"),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(AnswerTo(server->port(), ""), "");
  RawSocket client(server->port());
  client.Send(kGet);
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 200 "));
  EXPECT_FALSE(client.timed_out());
}

TEST(HttpServer, Refuses503BeyondItsConnections) {
  auto server = Serve(Echo, {.connections_max = 2});
  RawSocket first(server->port()), second(server->port());
  first.Send(kGet);
  second.Send(kGet);
  first.ReadResponse();
  second.ReadResponse();
  std::string refused = AnswerTo(server->port(), kGet);
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("retry-after: 1\r\n"));
  EXPECT_EQ(server->counters().connections_refused, 1u);
  EXPECT_EQ(server->counters().connections_open, 2u);
}

TEST(HttpServer, WaitsForDescriptorsAndGoesOn) {
  auto server = Serve(Echo);
  ::rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  int next = ::dup(STDERR_FILENO);
  ::close(next);
  ::rlimit tight = before;
  tight.rlim_cur = static_cast<::rlim_t>(next) + 1;  // for the client's end, and none for the server's
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  RawSocket client(server->port());
  client.Send(kGet);
  while (server->counters().accept_pauses == 0) std::this_thread::yield();
  EXPECT_EQ(server->counters().connections_accepted, 0u);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_THAT(client.ReadResponse(), EndsWith("GET / "));
  EXPECT_GE(server->counters().accept_pauses, 1u);
}

Awaitable<void> ThrowsANumber(Exchange&) {
  struct NoStandardException {};
  std::rethrow_exception(std::make_exception_ptr(NoStandardException{}));
  co_return;
}

TEST(HttpServer, ClosesTheConnectionOfAnUnknownException) {
  auto server = Serve(ThrowsANumber);
  EXPECT_EQ(AnswerTo(server->port(), kGet), "");
  server->Stop(seconds(60));
  EXPECT_EQ(server->counters().connections_open, 0u);
}

TEST(HttpServer, DropsWhatFollowsALastRequest) {
  auto server = Serve(Echo);
  std::string more(200 << 10, 'x');
  std::string answer = AnswerTo(server->port(), WithClose("GET /last HTTP/1.1\r\nhost: x\r\n") + more);
  EXPECT_THAT(answer, EndsWith("\r\n\r\nGET /last "));
}

TEST(HttpServer, NamesTheAddressThatIsTaken) {
  auto server = Serve(Echo);
  for (const char* host : {"127.0.0.1", ""}) {
    auto second = HttpServer::Listen({.listen = {host, server->port()}}, Echo);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
    EXPECT_THAT(second.error().message, HasSubstr(fmt::format(":{}", server->port())));
  }
  EXPECT_EQ(HttpServer::Listen({.listen = {"192.0.2.1", 0}}, Echo).error().code, ErrorCode::kInvalidArgument);
}

TEST(HttpServer, ListensOnAllInterfacesOfBothFamilies) {
  auto server = Serve(Echo, {.listen = {"", 0}});
  EXPECT_THAT(AnswerTo(server->port(), WithClose("GET /v4 HTTP/1.1\r\nhost: x\r\n")), EndsWith("GET /v4 "));
}

TEST(HttpServer, TakesAThousandConnectionsInTurnAndTwoHundredAtOnce) {
  auto server = Serve(Echo, {.threads = 2});
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_THAT(AnswerTo(server->port(), WithClose("GET /one HTTP/1.1\r\nhost: x\r\n")),
                EndsWith("GET /one "));
  }
  std::vector<RawSocket> clients;
  for (int i = 0; i < 200; ++i) clients.emplace_back(server->port());
  for (int round = 0; round < 3; ++round) {
    for (RawSocket& client : clients) client.Send(kGet);
    for (RawSocket& client : clients) ASSERT_THAT(client.ReadResponse(), EndsWith("GET / "));
  }
  EXPECT_EQ(server->counters().connections_accepted, 1'200u);
  EXPECT_EQ(server->counters().requests, 1'600u);
}

TEST(HttpServer, StopClosesIdleConnectionsAtOnce) {
  auto server = Serve(Echo);
  RawSocket client(server->port());
  client.Send(kGet);
  client.ReadResponse();
  server->Stop(seconds(60));
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(server->counters().connections_open, 0u);
}

struct SlowAnswer {
  std::promise<Exchange*> started;
  std::function<void()> finish;
};

Awaitable<void> AnswerWhenTold(Exchange& exchange, SlowAnswer& slow) {
  boost::asio::steady_timer wait(exchange.executor(), boost::asio::steady_timer::time_point::max());
  slow.finish = [&wait] { wait.cancel(); };
  slow.started.set_value(&exchange);
  boost::system::error_code ignored;
  co_await wait.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  EXPECT_TRUE(co_await exchange.Reply(MakeResponse(200, "text/plain", "done")));
}

TEST(HttpServer, StopLetsARunningExchangeEnd) {
  SlowAnswer slow;
  auto server = Serve([&slow](Exchange& exchange) { return AnswerWhenTold(exchange, slow); });
  uint16_t port = server->port();
  RawSocket client(port), idle(port);
  client.Send(kGet);
  Exchange* exchange = slow.started.get_future().get();
  auto executor = exchange->executor();
  Thread stopper("stopper", [&server](std::stop_token) { server->Stop(seconds(60)); });
  EXPECT_EQ(idle.ReadAll(), "");  // Stop has begun
  boost::asio::post(executor, slow.finish);
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\ndone"));
  stopper.Join();
}

}  // namespace
}  // namespace beleg::net
