// Own client against own server, over real sockets.
#include "net/grpc_client.h"

#include <atomic>
#include <future>
#include <thread>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gtest/gtest.h>

#include "base/thread.h"
#include "net/grpc_testing.h"
#include "net/reserved_port.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using namespace std::chrono_literals;

TEST(GrpcClient, CallBringsBackWhatTheHandlerReturned) {
  GrpcCall seen;
  auto server = ServeCalls([&](GrpcCall call) -> Awaitable<GrpcReply> {
    seen = call;
    GrpcReply reply;
    reply.message = "answer";
    reply.metadata.Add("first", "1");
    reply.trailers.Add("last-bin", std::string("\0\1", 2));
    co_return reply;
  });
  auto client = ConnectTo(server->port());
  EXPECT_FALSE(client->connected());
  auto reply =
      client->Call(kEchoMethod, {{"who", "me"}, {"raw-bin", std::string("\xff\0", 2)}}, "question", 20s);
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_TRUE(reply->status.ok());
  EXPECT_EQ(reply->message, "answer");
  EXPECT_EQ(*reply->metadata.Get("first"), "1");
  EXPECT_EQ(*reply->trailers.Get("last-bin"), std::string("\0\1", 2));
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(seen.method, kEchoMethod);
  EXPECT_EQ(seen.message, "question");
  EXPECT_EQ(*seen.metadata.Get("who"), "me");
  EXPECT_EQ(*seen.metadata.Get("raw-bin"), std::string("\xff\0", 2));
  ASSERT_TRUE(seen.deadline.has_value());
  EXPECT_GT(*seen.deadline, std::chrono::steady_clock::now() + 10s);
  EXPECT_TRUE(seen.peer.starts_with("127.0.0.1:"));
}

TEST(GrpcClient, StatusIsNoError) {
  auto server = ServeCalls([](GrpcCall call) -> Awaitable<GrpcReply> {
    GrpcReply reply = GrpcFailure(GrpcCode::kResourceExhausted, "größer: 100%\n" + call.message);
    SetRetryDelay(reply, 3s);
    co_return reply;
  });
  auto reply = ConnectTo(server->port())->Call(kEchoMethod, {}, "x");
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->status.code, GrpcCode::kResourceExhausted);
  EXPECT_EQ(reply->status.message, "größer: 100%\nx");
  EXPECT_EQ(RetryDelay(*reply), 3s);
}

TEST(GrpcClient, MessagesOfAnySizeComeBackWhole) {
  auto server = ServeCalls(EchoCall);
  for (auto compression : {GrpcCompression::kNone, GrpcCompression::kGzip}) {
    auto client = ConnectTo(server->port(), {.compression = compression});
    for (size_t size : {0ul, 1ul, 16'379ul, 16'380ul, 65'536ul, 400'000ul, 4ul << 20}) {
      std::string message(size, 'm');
      for (size_t i = 0; i < size; i += 97) message[i] = static_cast<char>(i);
      auto reply = client->Call(kEchoMethod, {}, message);
      ASSERT_TRUE(reply.has_value()) << size << reply.error().message;
      EXPECT_TRUE(reply->status.ok()) << reply->status.message;
      EXPECT_TRUE(reply->message == message) << size;
    }
  }
  EXPECT_EQ(server->counters().connections_accepted, 2);
}

TEST(GrpcClient, ThousandCallsShareOneConnection) {
  constexpr size_t kThreads = 50, kCallsEach = 20;
  auto pool = WorkerPool::Start(8, 10'000);
  auto server = ServeCalls(OnPool(*pool, [](GrpcCall call) {
    GrpcReply reply;
    reply.message = call.message + "!";
    return reply;
  }));
  auto client = ConnectTo(server->port());
  std::atomic<size_t> good = 0;
  {
    std::vector<Thread> threads;
    for (size_t t = 0; t < kThreads; ++t) {
      threads.emplace_back("caller", [&, t](const std::stop_token&) {
        for (size_t i = 0; i < kCallsEach; ++i) {
          std::string message = fmt::format("{} {} {}", t, i, std::string(1'000, 'x'));
          auto reply = client->Call(kEchoMethod, {}, message);
          if (reply && reply->status.ok() && reply->message == message + "!") ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, kThreads * kCallsEach);
  EXPECT_EQ(server->counters().connections_accepted, 1);
}

TEST(GrpcClient, ThousandCallsAreInProgressAtOnce) {
  constexpr size_t kCalls = 1'000;
  std::atomic<size_t> started = 0;
  std::vector<std::function<void()>> releases;
  auto server = ServeCalls([&](GrpcCall call) -> Awaitable<GrpcReply> {
    auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer gate(executor, boost::asio::steady_timer::time_point::max());
    releases.push_back([&gate] { gate.cancel(); });
    if (++started == kCalls) {
      for (auto& release : releases) release();
    }
    boost::system::error_code ignored;
    if (started < kCalls)
      co_await gate.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    GrpcReply reply;
    reply.message = std::move(call.message);
    co_return reply;
  });
  auto client = ConnectTo(server->port());
  std::atomic<size_t> good = 0;
  {
    std::vector<Thread> threads;
    for (size_t i = 0; i < kCalls; ++i) {
      threads.emplace_back("caller", [&, i](const std::stop_token&) {
        auto reply = client->Call(kEchoMethod, {}, fmt::format("{}", i));
        if (reply && reply->message == fmt::format("{}", i)) ++good;
      });
    }
  }
  EXPECT_EQ(good, kCalls);
}

TEST(GrpcClient, DeadlineEndsTheCallAndTellsTheHandler) {
  std::promise<void> cancelled;
  auto pool = WorkerPool::Start(1, 10);
  auto server = ServeCalls(OnPool(*pool, [&](GrpcCall call) {
    while (!*call.cancelled) std::this_thread::yield();
    cancelled.set_value();
    return GrpcReply();
  }));
  auto client = ConnectTo(server->port());
  auto reply = client->Call(kEchoMethod, {}, "x", 2s);  // long enough to reach the handler
  // Either side may be first.
  GrpcCode code = reply ? reply->status.code : GrpcCodeOf(reply.error().code);
  EXPECT_EQ(code, GrpcCode::kDeadlineExceeded);
  EXPECT_EQ(cancelled.get_future().wait_for(60s), std::future_status::ready);
}

TEST(GrpcClient, CancelEndsCallsInProgressAndLaterOnes) {
  std::promise<void> started;
  auto pool = WorkerPool::Start(1, 10);
  auto server = ServeCalls(OnPool(*pool, [&](GrpcCall call) {
    started.set_value();
    while (!*call.cancelled) std::this_thread::yield();
    return GrpcReply();
  }));
  auto client = ConnectTo(server->port());
  Thread canceller("canceller", [&](const std::stop_token&) {
    started.get_future().wait();
    client->Cancel();
  });
  EXPECT_EQ(client->Call(kEchoMethod, {}, "x").error().code, ErrorCode::kCancelled);
  EXPECT_EQ(client->Call(kEchoMethod, {}, "x").error().code, ErrorCode::kCancelled);
}

TEST(GrpcClient, NobodyListeningIsUnavailableAtOnceUntilTheBackoffIsOver) {
  uint16_t port = RawListener().port();
  auto client = ConnectTo(port, {.backoff_first = 60s, .backoff_max = 60s});
  auto first = client->Call(kEchoMethod, {}, "x");
  EXPECT_EQ(first.error().code, ErrorCode::kUnavailable);
  auto again = client->Call(kEchoMethod, {}, "x");
  EXPECT_EQ(again.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(first.error().message, again.error().message);
}

TEST(GrpcClient, ConnectsAnewWhenTheServerCameBack) {
  auto reserved = ReservedPort::Choose().value();
  const uint16_t port = reserved.number();
  auto server = ServeCalls(EchoCall, {.listen = {"127.0.0.1", port}});
  auto client = ConnectTo(port, {.backoff_first = 1ms, .backoff_max = 5ms});
  EXPECT_EQ(client->Call(kEchoMethod, {}, "one")->message, "one");
  server.reset();
  EXPECT_EQ(client->Call(kEchoMethod, {}, "two").error().code, ErrorCode::kUnavailable);
  server = ServeCalls(EchoCall, {.listen = {"127.0.0.1", port}});
  auto give_up = std::chrono::steady_clock::now() + 60s;
  auto reply = client->Call(kEchoMethod, {}, "three");
  while (!reply && std::chrono::steady_clock::now() < give_up) reply = client->Call(kEchoMethod, {}, "three");
  ASSERT_TRUE(reply.has_value()) << reply.error().message;
  EXPECT_EQ(reply->message, "three");
}

TEST(GrpcClient, ServerOfAnotherProtocolIsUnavailable) {
  RawListener listener;
  Thread server("server", [&](const std::stop_token&) {
    RawSocket socket = listener.Accept();
    socket.Send("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    socket.ReadUntil("SM\r\n\r\n");
  });
  auto reply = ConnectTo(listener.port())->Call(kEchoMethod, {}, "x");
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
}

TEST(GrpcClient, SilentServerMeansDeadline) {
  RawListener listener;
  auto client = ConnectTo(listener.port());
  EXPECT_EQ(client->Call(kEchoMethod, {}, "x", 50ms).error().code, ErrorCode::kDeadlineExceeded);
}

TEST(GrpcClient, DeadPeerIsFoundByPing) {
  RawListener listener;
  auto client = ConnectTo(listener.port(), {.ping_interval = 50ms, .ping_timeout = 50ms});
  EXPECT_EQ(client->Call(kEchoMethod, {}, "x", 20s).error().code, ErrorCode::kUnavailable);
}

TEST(GrpcClient, AnswerBeyondTheLimitIsRefused) {
  auto server = ServeCalls(EchoCall);
  auto client = ConnectTo(server->port(), {.message_bytes_max = 1'000});
  EXPECT_EQ(client->Call(kEchoMethod, {}, std::string(1'000, 'x'))->message.size(), 1'000);
  EXPECT_EQ(client->Call(kEchoMethod, {}, std::string(1'001, 'x')).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(client->Call(kEchoMethod, {}, std::string(99'000, 'x')).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(client->Call(kEchoMethod, {}, "still works")->message, "still works");
}

TEST(GrpcClient, TargetsThatAreNoneAreRefused) {
  for (std::string_view bad : {"", "x", "x:y", "x:0", "x:99999"})
    EXPECT_EQ(GrpcClient::Open(bad).error().code, ErrorCode::kInvalidArgument) << bad;
  EXPECT_TRUE(GrpcClient::Open("http://localhost:4317/").has_value());
  auto client = ConnectTo(1);
  EXPECT_EQ(client->Call("no/slash", {}, "").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::net
