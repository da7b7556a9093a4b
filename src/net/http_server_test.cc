#include "net/http_server.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <future>

#include "base/rng.h"
#include "base/thread.h"
#include "net/testing.h"
#include "net/worker_pool.h"

namespace beleg::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

// "METHOD target body", so that a test sees what the handler saw.
Awaitable<void> Echo(Exchange& exchange) {
  const HttpRequest& request = exchange.request();
  auto sent = co_await exchange.Reply(
      MakeResponse(200, "text/plain", fmt::format("{} {} {}", request.method, request.target, request.body)));
  EXPECT_TRUE(sent || sent.error().code == ErrorCode::kCancelled);
}

std::unique_ptr<HttpServer> Serve(Handler handler, HttpServerOptions options = {}) {
  auto server = HttpServer::Listen(std::move(options), std::move(handler));
  EXPECT_TRUE(server.has_value()) << server.error().message;
  return std::move(*server);
}

// What the server answers to these bytes, up to the end of the connection.
std::string AnswerTo(HttpServer& server, std::string_view bytes) {
  RawSocket client(server.port());
  client.Send(bytes);
  std::string answer = client.ReadAll();
  EXPECT_FALSE(client.timed_out()) << "connection kept open after: " << bytes;
  return answer;
}

std::string WithClose(std::string_view head) { return std::string(head) + "connection: close\r\n\r\n"; }

TEST(HttpServer, AnswersAndKeepsTheConnection) {
  auto server = Serve(Echo);
  RawSocket client(server->port());
  for (int i = 0; i < 3; ++i) {
    client.Send(fmt::format("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", i));
    EXPECT_EQ(client.ReadResponse(),
              fmt::format("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 7\r\n\r\nGET /{} ", i));
  }
  EXPECT_EQ(server->counters().connections_accepted, 1u);
  EXPECT_EQ(server->counters().requests, 3u);
}

TEST(HttpServer, ReadsASizedBody) {
  auto server = Serve(Echo);
  EXPECT_THAT(AnswerTo(*server, "POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"),
              EndsWith("connection: close\r\n\r\nPOST /p hello"));
}

TEST(HttpServer, ReadsAChunkedBodyWithExtensionsAndTrailers) {
  auto server = Serve(Echo);
  EXPECT_THAT(AnswerTo(*server, "POST /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: Chunked\r\nconnection: close\r\n\r\n"
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
  EXPECT_EQ(AnswerTo(*server, "GET / HTTP/1.0\r\n\r\n"),
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: 1\n\ndata: 22\n\n");
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
  EXPECT_THAT(AnswerTo(*echo, WithClose("HEAD /abc HTTP/1.1\r\nhost: x\r\n")),
              EndsWith("content-length: 10\r\nconnection: close\r\n\r\n"));
  auto stream = Serve(StreamThree);
  EXPECT_THAT(AnswerTo(*stream, WithClose("HEAD / HTTP/1.1\r\nhost: x\r\n")),
              EndsWith("transfer-encoding: chunked\r\nconnection: close\r\n\r\n"));
}

Awaitable<void> NoContent(Exchange& exchange) {
  HttpResponse response{204, {}, "dropped"};
  EXPECT_TRUE(co_await exchange.Reply(response));
}

TEST(HttpServer, Answers204WithoutLengthAndBody) {
  auto server = Serve(NoContent);
  EXPECT_EQ(AnswerTo(*server, WithClose("GET / HTTP/1.1\r\nhost: x\r\n")), "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
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
  EXPECT_EQ(AnswerTo(*server, WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
            "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nabcdef");
}

Awaitable<void> ForgingHeader(Exchange& exchange) {
  HttpResponse response{200, {{"x-id", "1\r\nset-cookie: a"}, {"bad name", "1"}, {"Content-Length", "99"}}, "ok"};
  EXPECT_TRUE(co_await exchange.Reply(std::move(response)));
}

TEST(HttpServer, LetsNoHeaderValueForgeAField) {
  auto server = Serve(ForgingHeader);
  EXPECT_EQ(AnswerTo(*server, WithClose("GET / HTTP/1.1\r\nhost: x\r\n")),
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
  EXPECT_THAT(AnswerTo(*server, "POST /p HTTP/1.1\r\nhost: x\r\nexpect: tea\r\ncontent-length: 2\r\n\r\n"),
              StartsWith("HTTP/1.1 417 "));
}

TEST(HttpServer, TakesAbsoluteTargets) {
  auto server = Serve(Echo);
  EXPECT_THAT(AnswerTo(*server, WithClose("GET http://other:1/a?b=c HTTP/1.1\r\nhost: x\r\n")), EndsWith("GET /a?b=c "));
  EXPECT_THAT(AnswerTo(*server, WithClose("GET http://other HTTP/1.1\r\nhost: x\r\n")), EndsWith("GET / "));
}

// One that waits until its client is gone, and tells what it saw.
struct GoneWatch {
  std::promise<void> started, gone;
  std::atomic<int> calls = 0;
  bool stream = false;
};

Awaitable<void> WaitUntilGone(Exchange& exchange, GoneWatch& watch) {
  if (watch.stream) {
    EXPECT_TRUE(co_await exchange.StartStream(200, HttpHeaders()));
  }
  if (watch.stream) {
    EXPECT_TRUE(co_await exchange.Write("first"));
  }
  boost::asio::steady_timer never(exchange.executor(), boost::asio::steady_timer::time_point::max());
  exchange.OnClientGone([&watch, &never] {
    ++watch.calls;
    never.cancel();
  });
  watch.started.set_value();
  boost::system::error_code ignored;
  co_await never.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  EXPECT_TRUE(exchange.client_gone());
  if (watch.stream) {
    EXPECT_EQ((co_await exchange.Write("late")).error().code, ErrorCode::kCancelled);
  } else {
    EXPECT_EQ((co_await exchange.Reply(HttpResponse())).error().code, ErrorCode::kCancelled);
  }
  bool again = false;
  exchange.OnClientGone([&again] { again = true; });
  EXPECT_TRUE(again);
  watch.gone.set_value();
}

enum class Way { kClose, kReset, kHalfClose, kCloseAfterMoreBytes };

class HttpServerGone : public ::testing::TestWithParam<std::tuple<bool, Way>> {};

TEST_P(HttpServerGone, IsToldAtOnce) {
  GoneWatch watch;
  watch.stream = std::get<0>(GetParam());
  auto server = Serve([&watch](Exchange& exchange) { return WaitUntilGone(exchange, watch); });
  RawSocket client(server->port());
  client.Send(kGet);
  watch.started.get_future().wait();
  switch (std::get<1>(GetParam())) {
    case Way::kClose: client.Close(); break;
    case Way::kReset: client.Reset(); break;
    case Way::kHalfClose: client.ShutdownWrite(); break;
    case Way::kCloseAfterMoreBytes:
      client.Send(kGet);
      client.Close();
      break;
  }
  EXPECT_EQ(watch.gone.get_future().wait_for(seconds(10)), std::future_status::ready);
  EXPECT_EQ(watch.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(Ways, HttpServerGone,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Values(Way::kClose, Way::kReset, Way::kHalfClose,
                                                              Way::kCloseAfterMoreBytes)));

TEST(HttpServer, NoticesAClientThatFilledTheInputAndWentAway) {
  GoneWatch watch;
  auto server = Serve([&watch](Exchange& exchange) { return WaitUntilGone(exchange, watch); }, {.idle_timeout = milliseconds(80)});
  RawSocket client(server->port());
  client.Send(kGet);
  watch.started.get_future().wait();
  client.Send(std::string(100 << 10, 'x'));  // more than a connection holds
  client.Close();
  EXPECT_EQ(watch.gone.get_future().wait_for(seconds(10)), std::future_status::ready);
}

struct BlockedWriter {
  std::promise<void> blocked;
  std::promise<Result<void>> ended;
  std::atomic<bool> told = false;
};

// Writes until the client takes no more, and says so from the loop while it waits.
Awaitable<void> WriteUntilStopped(Exchange& exchange, BlockedWriter& writer) {
  exchange.OnClientGone([&writer] { writer.told = true; });
  auto result = co_await exchange.StartStream(200, HttpHeaders());
  std::string block(1 << 20, 'x');
  boost::asio::steady_timer watch(exchange.executor(), milliseconds(100));
  watch.async_wait([&writer](boost::system::error_code) { writer.blocked.set_value(); });
  while (result) result = co_await exchange.Write(block);
  writer.ended.set_value(std::move(result));
}

TEST(HttpServer, TellsABlockedWriterThatItsClientIsGone) {
  BlockedWriter writer;
  auto server = Serve([&writer](Exchange& exchange) { return WriteUntilStopped(exchange, writer); });
  RawSocket client(server->port());
  client.Send(kGet);
  writer.blocked.get_future().wait();
  client.ShutdownWrite();
  auto ended = writer.ended.get_future();
  ASSERT_EQ(ended.wait_for(seconds(10)), std::future_status::ready);
  EXPECT_EQ(ended.get().error().code, ErrorCode::kCancelled);
  EXPECT_TRUE(writer.told);
}

TEST(HttpServer, GivesUpAClientThatTakesNothing) {
  BlockedWriter writer;
  auto server = Serve([&writer](Exchange& exchange) { return WriteUntilStopped(exchange, writer); },
                      {.write_timeout = milliseconds(200)});
  RawSocket client(server->port());
  client.ShrinkReceiveBuffer();
  client.Send(kGet);
  auto ended = writer.ended.get_future();
  ASSERT_EQ(ended.wait_for(seconds(10)), std::future_status::ready);
  EXPECT_TRUE(writer.told);
  writer.blocked.get_future().wait();
}

Awaitable<void> SendMuch(Exchange& exchange) {
  EXPECT_TRUE(co_await exchange.StartStream(200, HttpHeaders()));
  std::string block(100'000, 'x');
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(co_await exchange.Write(block));
  EXPECT_TRUE(co_await exchange.EndStream());
}

TEST(HttpServer, WritesAtTheClientsPace) {
  auto server = Serve(SendMuch);
  RawSocket client(server->port());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(client.ReadUntil("\r\n\r\n").substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(client.ReadAll().size(), 10'000'000u);
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
  EXPECT_THAT(AnswerTo(*silent, WithClose("GET / HTTP/1.1\r\nhost: x\r\n")), StartsWith("HTTP/1.1 500 "));
  auto exploding = Serve(Explodes);
  EXPECT_THAT(AnswerTo(*exploding, WithClose("GET / HTTP/1.1\r\nhost: x\r\n")), StartsWith("HTTP/1.1 500 "));
}

TEST(HttpServer, BreaksTheConnectionOfAnUnfinishedStream) {
  auto unfinished = Serve(UnfinishedStream);
  EXPECT_THAT(AnswerTo(*unfinished, kGet), EndsWith("\r\n\r\n4\r\nhalf\r\n"));
  auto exploding = Serve(Explodes);
  EXPECT_THAT(AnswerTo(*exploding, "GET /late HTTP/1.1\r\nhost: x\r\n\r\n"), EndsWith("chunked\r\n\r\n"));
}

TEST(HttpServer, Refuses413BeforeReadingTheBody) {
  auto server = Serve(Echo, {.body_bytes_max = 10});
  EXPECT_THAT(AnswerTo(*server, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(AnswerTo(*server, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n6\r\nabcdef\r\n5\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(AnswerTo(*server, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\nconnection: close\r\n\r\n0123456789"),
              StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(server->counters().unreadable_heads, 0u);
}

TEST(HttpServer, LetsAClientReadItsRefusalWhileItSends) {
  auto server = Serve(Echo, {.body_bytes_max = 10});
  RawSocket client(server->port());
  std::string body(1 << 20, 'x');
  ASSERT_TRUE(client.Send(fmt::format("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.size())));
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
  EXPECT_THAT(AnswerTo(*server, "POST /r HTTP/1.1\r\nhost: x\r\ncontent-length: 11\r\n\r\n"), EndsWith("recorded"));
  EXPECT_THAT(AnswerTo(*server, "POST /r HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"), EndsWith("recorded"));
  RawSocket client(server->port());
  client.Send("POST /r HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab");
  client.ShutdownWrite();
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_EQ(statuses, (std::vector{413, 400, 499}));
}

TEST(HttpServer, Refuses431ForALargeHead) {
  auto server = Serve(Echo, {.head_bytes_max = 1'000});
  EXPECT_THAT(AnswerTo(*server, "GET / HTTP/1.1\r\nhost: x\r\na: " + std::string(1'000, 'x') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(AnswerTo(*server, "GET /" + std::string(2'000, 'x')), StartsWith("HTTP/1.1 431 "));
  std::string many = "GET / HTTP/1.1\r\nhost: x\r\n";
  for (int i = 0; i < 300; ++i) many += "a:\r\n";
  auto wide = Serve(Echo);
  EXPECT_THAT(AnswerTo(*wide, many + "\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(server->counters().unreadable_heads, 2u);
}

TEST(HttpServer, Answers408AndClosesIdleConnections) {
  auto server = Serve(Echo, {.head_timeout = milliseconds(80), .body_timeout = milliseconds(80), .idle_timeout = milliseconds(80)});
  EXPECT_EQ(AnswerTo(*server, ""), "");
  EXPECT_THAT(AnswerTo(*server, "GET / HT"), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(AnswerTo(*server, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab"), StartsWith("HTTP/1.1 408 "));
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
  std::string refused = AnswerTo(*server, kGet);
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(refused, HasSubstr("retry-after: 1\r\n"));
  EXPECT_EQ(server->counters().connections_refused, 1u);
  EXPECT_EQ(server->counters().connections_open, 2u);
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
  EXPECT_THAT(AnswerTo(*server, WithClose("GET /v4 HTTP/1.1\r\nhost: x\r\n")), EndsWith("GET /v4 "));
}

TEST(HttpServer, TakesAThousandConnectionsInTurnAndTwoHundredAtOnce) {
  auto server = Serve(Echo, {.threads = 2});
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_THAT(AnswerTo(*server, WithClose("GET /one HTTP/1.1\r\nhost: x\r\n")), EndsWith("GET /one "));
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

TEST(HttpServer, StopBreaksWhatDoesNotEndInTime) {
  GoneWatch watch;
  auto server = Serve([&watch](Exchange& exchange) { return WaitUntilGone(exchange, watch); });
  RawSocket client(server->port());
  client.Send(kGet);
  watch.started.get_future().wait();
  server->Stop(milliseconds(20));
  EXPECT_EQ(watch.calls, 1);
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_FALSE(client.timed_out());
}

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
      "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
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
    std::string answer = AnswerTo(*server, bytes);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << bytes;
    EXPECT_EQ(answer.find("HTTP/1.1 ", 1), std::string::npos) << "a second answer to: " << bytes;
  }
  EXPECT_EQ(server->counters().unreadable_heads, std::size(kBad));
  EXPECT_EQ(server->counters().requests, 0u);
  EXPECT_THAT(AnswerTo(*server, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip, chunked\r\n\r\n"), StartsWith("HTTP/1.1 501 "));
  EXPECT_THAT(AnswerTo(*server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
}

TEST(HttpServer, RefusesBadChunks) {
  auto server = Serve(Echo);
  for (std::string_view body : {"x\r\n", "-1\r\n", "0x5\r\n", "5 5\r\n", "\r\n", "1\nA\r\n", "1\r\nAB\r\n", "1\r\nA\n0\r\n\r\n",
                                "1000000000000000\r\n", "5\r;\r\n", "0\r\nbad trailer\r\n\r\n", "0\r\n folded: x\r\n\r\n"}) {
    std::string answer = AnswerTo(*server, "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n" + std::string(body));
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << body;
  }
  std::string endless = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1;" + std::string(5'000, 'a');
  EXPECT_THAT(AnswerTo(*server, endless), StartsWith("HTTP/1.1 400 "));
}

TEST(HttpServer, SurvivesRandomBytes) {
  auto server = Serve(Echo, {.head_timeout = milliseconds(100), .body_timeout = milliseconds(100)});
  SeededRng rng(7);
  const std::string_view parts[] = {"GET ", "/ ", "HTTP/1.1", "\r\n", "host: x\r\n", "content-length: 3\r\n", "\r\n\r\n",
                                    "transfer-encoding: chunked\r\n", "0\r\n\r\n", "5\r\nhello\r\n", ": ", "\n"};
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
  EXPECT_THAT(AnswerTo(*server, WithClose("GET / HTTP/1.1\r\nhost: x\r\n")), StartsWith("HTTP/1.1 200 "));
}

}  // namespace
}  // namespace beleg::net
