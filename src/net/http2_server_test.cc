// HTTP/2 on the HTTP server's port, frame by frame.
#include <atomic>
#include <future>
#include <thread>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http2_testing.h"
#include "net/http_server_testing.h"

namespace beleg::net {
namespace {

using namespace std::chrono_literals;

// Waits until its client is gone.
Awaitable<void> WaitUntilGone(Exchange& exchange, std::promise<void>& started, std::promise<void>& gone) {
  boost::asio::steady_timer never(exchange.executor(), boost::asio::steady_timer::time_point::max());
  exchange.OnClientGone([&never] { never.cancel(); });
  started.set_value();
  boost::system::error_code ignored;
  co_await never.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  EXPECT_TRUE(exchange.client_gone());
  EXPECT_EQ((co_await exchange.Reply(HttpResponse())).error().code, ErrorCode::kCancelled);
  gone.set_value();
}

uint32_t GoawayError(RawHttp2& client) {
  auto frame = client.ReadType(NGHTTP2_GOAWAY);
  return frame && frame->payload.size() >= 8 ? GetBig32(frame->payload.data() + 4) : 0;
}

TEST(Http2Server, AnswersARequest) {
  auto server = Serve(Echo);
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("POST", "/a?b", EncodeField("content-length", "5")), false);
  client.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "hello"});
  auto answer = client.ReadAnswer();
  EXPECT_EQ(answer.fields[":status"], "200");
  EXPECT_EQ(answer.fields["content-type"], "text/plain");
  EXPECT_EQ(answer.fields["content-length"], "15");
  EXPECT_EQ(answer.body, "POST /a?b hello");
  client.SendHead(3, EncodeHead("HEAD", "/"));
  answer = client.ReadAnswer(3);
  EXPECT_EQ(answer.fields["content-length"], "7");
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(server->counters().requests, 2);
}

TEST(Http2Server, RequestHasTheFieldsOfItsHead) {
  HttpRequest seen;
  auto server = Serve([&](Exchange& exchange) -> Awaitable<void> {
    seen = exchange.request();
    EXPECT_TRUE(co_await exchange.Reply(HttpResponse()));
  });
  RawHttp2 client(server->port());
  client.SendHead(
      1, EncodeHead("GET", "/",
                    EncodeField("cookie", "a=1") + EncodeField("x", "y") + EncodeField("cookie", "b=2")));
  EXPECT_EQ(client.ReadAnswer().fields[":status"], "200");
  EXPECT_EQ(*seen.headers.Get("host"), "x");
  EXPECT_EQ(*seen.headers.Get("cookie"), "a=1; b=2");
  EXPECT_EQ(*seen.headers.Get("x"), "y");
  EXPECT_EQ(seen.headers.fields().size(), 3);
}

TEST(Http2Server, StreamsPiecesAsTheyComeAndManyAtOnce) {
  auto server = Serve([](Exchange& exchange) -> Awaitable<void> {
    HttpHeaders headers({{"content-type", "text/event-stream"}, {"Connection", "keep-alive"}});
    EXPECT_TRUE(co_await exchange.StartStream(200, headers));
    for (int i = 0; i < 3; ++i) {
      std::string piece = fmt::format("{}{}\n", exchange.request().target, i);
      EXPECT_TRUE(co_await exchange.Write(piece));
    }
    EXPECT_TRUE(co_await exchange.EndStream());
  });
  RawHttp2 client(server->port());
  for (uint32_t stream : {1, 3, 5}) client.SendHead(stream, EncodeHead("GET", fmt::format("/{}", stream)));
  auto answers = client.ReadAnswers({1, 3, 5});
  for (uint32_t stream : {1, 3, 5}) {
    EXPECT_EQ(answers[stream].body, fmt::format("/{0}0\n/{0}1\n/{0}2\n", stream));
    EXPECT_EQ(answers[stream].fields.count("connection"), 0);
  }
}

TEST(Http2Server, TrailersFollowTheBody) {
  auto server = Serve([](Exchange& exchange) -> Awaitable<void> {
    HttpResponse response = MakeResponse(200, "text/plain", "body");
    response.trailers.Add("after", "all");
    EXPECT_TRUE(co_await exchange.Reply(std::move(response)));
  });
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  auto answer = client.ReadAnswer();
  EXPECT_EQ(answer.body, "body");
  EXPECT_EQ(answer.fields["after"], "all");
}

TEST(Http2Server, WaitsForTheClientsWindow) {
  auto server = Serve([](Exchange& exchange) -> Awaitable<void> {
    EXPECT_TRUE(co_await exchange.Reply(MakeResponse(200, "text/plain", std::string(10, 'x'))));
  });
  RawHttp2 client(server->port(), EncodeSetting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4));
  client.SendHead(1, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadType(NGHTTP2_DATA)->payload, "xxxx");
  client.Send({NGHTTP2_PING, 0, 0, "12345678"});
  EXPECT_EQ(client.Read()->type, NGHTTP2_PING);  // and no more data
  client.Send({NGHTTP2_WINDOW_UPDATE, 0, 1, EncodeBig32(100)});
  EXPECT_EQ(client.ReadAnswer().body, "xxxxxx");
}

TEST(Http2Server, ClientThatTakesNothingIsGoneInTime) {
  std::promise<Result<void>> sent;
  auto handler = [&](Exchange& exchange) -> Awaitable<void> {
    auto result = co_await exchange.Reply(MakeResponse(200, "text/plain", std::string(10, 'x')));
    sent.set_value(std::move(result));
  };
  auto server = Serve(handler, {.write_timeout = 50ms});
  RawHttp2 client(server->port(), EncodeSetting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0));
  client.SendHead(1, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadAnswer().reset, NGHTTP2_CANCEL);
  EXPECT_EQ(sent.get_future().get().error().code, ErrorCode::kCancelled);
}

TEST(Http2Server, ResetTellsTheHandlerAtOnce) {
  std::promise<void> started, gone;
  auto server = Serve([&](Exchange& exchange) { return WaitUntilGone(exchange, started, gone); });
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  started.get_future().wait();
  client.Send({NGHTTP2_RST_STREAM, 0, 1, EncodeBig32(NGHTTP2_CANCEL)});
  EXPECT_EQ(gone.get_future().wait_for(60s), std::future_status::ready);
  client.Send({NGHTTP2_PING, 0, 0, "12345678"});
  EXPECT_TRUE(client.ReadType(NGHTTP2_PING));
}

TEST(Http2Server, ClosedConnectionTellsTheHandlerAtOnce) {
  std::promise<void> started, gone;
  auto server = Serve([&](Exchange& exchange) { return WaitUntilGone(exchange, started, gone); });
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  started.get_future().wait();
  client.socket().Reset();
  EXPECT_EQ(gone.get_future().wait_for(60s), std::future_status::ready);
}

TEST(Http2Server, HandlersOfResetRequestsCountUntilTheyEnd) {
  std::atomic<int> running = 0, most = 0;
  auto handler = [&](Exchange& exchange) -> Awaitable<void> {
    most = std::max<int>(most, ++running);
    boost::asio::steady_timer pause(exchange.executor(), 2s);  // longer than the client takes to ask
    co_await pause.async_wait(boost::asio::use_awaitable);
    --running;
  };
  auto server = Serve(handler, {.http2 = {.streams_max = 3}});
  RawHttp2 client(server->port());
  for (uint32_t stream = 1; stream < 21; stream += 2) {
    client.SendHead(stream, EncodeHead("GET", "/"));
    client.Send({NGHTTP2_RST_STREAM, 0, stream, EncodeBig32(NGHTTP2_CANCEL)});
  }
  client.SendHead(21, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadAnswer(21).reset, NGHTTP2_REFUSED_STREAM);
  EXPECT_EQ(most, 3);
}

TEST(Http2Server, LimitsOfHeadAndBodyHaveTheirStatus) {
  auto server = Serve(Echo, {.head_bytes_max = 500, .body_bytes_max = 10});
  RawHttp2 client(server->port());
  std::string large;
  for (int i = 0; i < 10; ++i) large += EncodeField(fmt::format("x{}", i), std::string(100, 'v'));
  client.SendHead(1, EncodeHead("GET", "/", large));
  EXPECT_EQ(client.ReadAnswer().fields[":status"], "431");
  client.SendHead(3, EncodeHead("POST", "/"), false);
  client.Send({NGHTTP2_DATA, 0, 3, std::string(11, 'x')});
  auto answer = client.ReadAnswer(3);
  EXPECT_EQ(answer.fields[":status"], "413");
  EXPECT_EQ(client.ReadType(NGHTTP2_RST_STREAM)->payload, EncodeBig32(NGHTTP2_NO_ERROR));
  client.SendHead(5, EncodeHead("POST", "/"), false);
  client.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 5, std::string(10, 'x')});
  EXPECT_EQ(client.ReadAnswer(5).fields[":status"], "200");
}

TEST(Http2Server, BodiesOfAllRequestsAreLimitedTogether) {
  auto server = Serve(Echo, {.http2 = {.unanswered_bytes_max = 15}});
  RawHttp2 client(server->port());
  for (uint32_t stream : {1, 3}) {
    client.SendHead(stream, EncodeHead("POST", "/"), false);
    client.Send({NGHTTP2_DATA, 0, stream, std::string(10, 'x')});
  }
  EXPECT_EQ(client.ReadAnswer(3).fields[":status"], "503");
  client.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "y"});
  EXPECT_EQ(client.ReadAnswer().fields[":status"], "200");
}

TEST(Http2Server, BodiesOfAllConnectionsAreLimitedTogether) {
  auto server = Serve(Echo, {.bodies_bytes_max = 15});
  auto begin = [&](RawHttp2& client) {
    client.SendHead(1, EncodeHead("POST", "/"), false);
    client.Send({NGHTTP2_DATA, 0, 1, std::string(10, 'x')});
    client.Send({NGHTTP2_PING, 0, 0, std::string(8, 'p')});
    EXPECT_TRUE(client.ReadType(NGHTTP2_PING));  // what came before it has been taken
  };
  RawHttp2 first(server->port());
  begin(first);
  RawSocket beyond(server->port());
  beyond.Send("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n" + std::string(10, 'x'));
  EXPECT_TRUE(beyond.ReadAll().starts_with("HTTP/1.1 503 "));
  RawSocket chunked(server->port());
  chunked.Send("POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\na\r\n" +
               std::string(10, 'x') + "\r\n");
  EXPECT_TRUE(chunked.ReadAll().starts_with("HTTP/1.1 503 "));
  first.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, "y"});
  EXPECT_EQ(first.ReadAnswer().fields[":status"], "200");
  EXPECT_THAT(
      AnswerTo(server->port(),
               "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10\r\n\r\n0123456789"),
      testing::StartsWith("HTTP/1.1 200 "));
}

TEST(Http2Server, BodyThatDoesNotComeIsRefusedInTime) {
  std::promise<int> refused;
  HttpServerOptions options{.body_timeout = 50ms};
  options.refuse_body = [&](const HttpRequest& head, int status, std::string) -> Awaitable<HttpResponse> {
    EXPECT_EQ(head.target, "/late");
    refused.set_value(status);
    co_return MakeResponse(status, "text/plain", "late");
  };
  auto server = Serve(Echo, options);
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("POST", "/late"), false);
  EXPECT_EQ(client.ReadAnswer().body, "late");
  EXPECT_EQ(refused.get_future().get(), 408);
}

TEST(Http2Server, IdleConnectionGetsGoawayAndEnds) {
  auto server = Serve(Echo, {.idle_timeout = 20ms});
  RawHttp2 client(server->port());
  EXPECT_EQ(GoawayError(client), NGHTTP2_NO_ERROR);
  EXPECT_NE(client.socket().ReadAll(), "");  // the last GOAWAY, then the end
  EXPECT_FALSE(client.socket().timed_out());
}

TEST(Http2Server, OldConnectionGetsGoaway) {
  auto server = Serve(Echo, {.idle_timeout = 400ms, .http2 = {.age_max = 30ms}});
  RawHttp2 client(server->port());
  EXPECT_EQ(GoawayError(client), NGHTTP2_NO_ERROR);
}

TEST(Http2Server, SilentPeerIsAskedAndDropped) {
  auto server = Serve(Echo, {.write_timeout = 400ms, .http2 = {.ping_interval = 30ms, .ping_timeout = 30ms}});
  RawHttp2 client(server->port());
  EXPECT_TRUE(client.ReadType(NGHTTP2_PING));
  client.socket().ReadAll();
  EXPECT_FALSE(client.socket().timed_out());
}

TEST(Http2Server, StopLetsRunningRequestsEnd) {
  std::promise<void> started, release;
  auto server = Serve([&](Exchange& exchange) -> Awaitable<void> {
    started.set_value();
    // The server stops meanwhile; its GOAWAY needs this loop, so the wait is one of the loop.
    boost::asio::steady_timer pause(exchange.executor(), 1s);
    co_await pause.async_wait(boost::asio::use_awaitable);
    EXPECT_TRUE(co_await exchange.Reply(MakeResponse(200, "text/plain", "done")));
  });
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  started.get_future().wait();
  auto stopped = std::async(std::launch::async, [&] { server->Stop(60s); });
  EXPECT_EQ(GoawayError(client), NGHTTP2_NO_ERROR);
  EXPECT_EQ(client.ReadAnswer().body, "done");
  client.Send({NGHTTP2_PING, NGHTTP2_FLAG_ACK, 0, std::string(8, '\0')});
  EXPECT_EQ(GoawayError(client), NGHTTP2_NO_ERROR);
  client.socket().Close();
  stopped.get();
}

// What each of them must lead to: the connection's end with an error, and a server that lives.
TEST(Http2Server, BrokenFramesEndTheConnection) {
  auto server = Serve(Echo);
  const std::string head = EncodeHead("GET", "/");
  const std::vector<std::vector<Frame>> kBroken = {
      {{NGHTTP2_SETTINGS, 0, 0, "12345"}},
      {{NGHTTP2_SETTINGS, 0, 1, ""}},
      {{NGHTTP2_SETTINGS, 0, 0, EncodeSetting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0x80000000)}},
      {{NGHTTP2_SETTINGS, 0, 0, EncodeSetting(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, 1)}},
      {{NGHTTP2_PING, 0, 0, "1234567"}},
      {{NGHTTP2_PING, 0, 1, "12345678"}},
      {{NGHTTP2_DATA, 0, 0, "x"}},
      {{NGHTTP2_DATA, 0, 1, "x"}},
      {{NGHTTP2_HEADERS, 4, 0, head}},
      {{NGHTTP2_HEADERS, 4, 2, head}},
      {{NGHTTP2_HEADERS, 4, 1, "\xff\xff\xff\xff\xff\xff\xff"}},
      {{NGHTTP2_HEADERS, 4 | 8, 1, "\xff" + head}},
      {{NGHTTP2_HEADERS, 0, 1, head}, {NGHTTP2_PING, 0, 0, "12345678"}},
      {{NGHTTP2_CONTINUATION, 4, 1, head}},
      {{NGHTTP2_RST_STREAM, 0, 1, EncodeBig32(0)}},
      {{NGHTTP2_RST_STREAM, 0, 0, EncodeBig32(0)}},
      {{NGHTTP2_WINDOW_UPDATE, 0, 0, EncodeBig32(0)}},
      {{NGHTTP2_WINDOW_UPDATE, 0, 0, EncodeBig32(0x7fffffff)}},
      {{NGHTTP2_PUSH_PROMISE, 4, 1, EncodeBig32(2) + head}},
      {{NGHTTP2_GOAWAY, 0, 0, "1234"}},
      {{NGHTTP2_PING, 0, 0, std::string(20'000, 'x')}},
  };
  for (size_t i = 0; i < kBroken.size(); ++i) {
    RawHttp2 client(server->port());
    for (const Frame& frame : kBroken[i]) client.Send(frame);
    EXPECT_NE(GoawayError(client), NGHTTP2_NO_ERROR) << i;
    client.socket().ReadAll();
    EXPECT_FALSE(client.socket().timed_out()) << i;
  }
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadAnswer().fields[":status"], "200");
}

TEST(Http2Server, ClientThatStaysAfterTheLastFrameIsDropped) {
  auto server = Serve(Echo);
  RawHttp2 stays(server->port());
  stays.Send({NGHTTP2_PING, 0, 0, "1234567"});
  EXPECT_NE(GoawayError(stays), NGHTTP2_NO_ERROR);
  stays.socket().ReadAll();
  auto deadline = std::chrono::steady_clock::now() + 60s;
  while (server->counters().connections_open > 0 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(server->counters().connections_open, 0u);
  RawHttp2 next(server->port());
  next.SendHead(1, EncodeHead("GET", "/"));
  EXPECT_EQ(next.ReadAnswer().fields[":status"], "200");
}

TEST(Http2Server, BrokenRequestsEndOnlyTheirStream) {
  auto server = Serve(Echo);
  RawHttp2 client(server->port());
  const std::string kBad[] = {
      EncodeField(":method", "GET"),
      EncodeField(":method", "GET") + EncodeField(":scheme", "http"),
      EncodeHead("GET", "/", EncodeField(":path", "/")),
      EncodeHead("GET", "/", EncodeField("Upper", "x")),
      EncodeHead("GET", "/", EncodeField("connection", "close")),
      EncodeHead("GET", "/", EncodeField("a", "b\nc")),
      EncodeHead("GET", "/", EncodeField("content-length", "x")),
      EncodeHead("GET", "/", EncodeField("content-length", "5")),
      EncodeHead("GET", ""),
  };
  uint32_t stream = 1;
  for (const std::string& bad : kBad) {
    client.SendHead(stream, bad);
    EXPECT_EQ(client.ReadAnswer(stream).reset, NGHTTP2_PROTOCOL_ERROR) << stream;
    stream += 2;
  }
  client.SendHead(stream, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadAnswer(stream).fields[":status"], "200");
}

TEST(Http2Server, PrefaceMayComeByteByByte) {
  auto server = Serve(Echo);
  RawSocket socket(server->port());
  for (char c : kPreface) socket.Send(std::string_view(&c, 1));
  socket.Send(Encode({NGHTTP2_SETTINGS, 0, 0, ""}));
  EXPECT_EQ(socket.ReadBytes(9)[3], NGHTTP2_SETTINGS);
}

TEST(Http2Server, HandlerWithoutAnAnswerIs500) {
  auto server = Serve([](Exchange&) -> Awaitable<void> { co_return; });
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadAnswer().fields[":status"], "500");
}

TEST(Http2Server, StreamThatIsNotEndedIsReset) {
  auto server = Serve([](Exchange& exchange) -> Awaitable<void> {
    EXPECT_TRUE(co_await exchange.StartStream(200, HttpHeaders()));
    EXPECT_TRUE(co_await exchange.Write("half"));
  });
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadAnswer().reset, NGHTTP2_INTERNAL_ERROR);
}

}  // namespace
}  // namespace beleg::net
