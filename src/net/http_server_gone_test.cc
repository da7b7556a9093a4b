// A client that goes away is noticed at once, whatever the handler is doing.
#include <atomic>
#include <future>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server_testing.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

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
  EXPECT_EQ(watch.gone.get_future().wait_for(seconds(60)), std::future_status::ready);
  EXPECT_EQ(watch.calls, 1);
}

INSTANTIATE_TEST_SUITE_P(Ways, HttpServerGone,
                         ::testing::Combine(::testing::Bool(),
                                            ::testing::Values(Way::kClose, Way::kReset, Way::kHalfClose,
                                                              Way::kCloseAfterMoreBytes)));

TEST(HttpServer, NoticesAClientThatFilledTheInputAndWentAway) {
  GoneWatch watch;
  auto server = Serve([&watch](Exchange& exchange) { return WaitUntilGone(exchange, watch); },
                      {.idle_timeout = milliseconds(1'000)});
  RawSocket client(server->port());
  client.Send(kGet);
  watch.started.get_future().wait();
  client.Send(std::string(100 << 10, 'x'));  // more than a connection holds
  client.Close();
  EXPECT_EQ(watch.gone.get_future().wait_for(seconds(60)), std::future_status::ready);
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
  ASSERT_EQ(ended.wait_for(seconds(60)), std::future_status::ready);
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
  ASSERT_EQ(ended.wait_for(seconds(60)), std::future_status::ready);
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

}  // namespace
}  // namespace beleg::net
