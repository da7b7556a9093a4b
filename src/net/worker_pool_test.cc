#include "net/worker_pool.h"

#include <atomic>
#include <future>
#include <stdexcept>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server_testing.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(WorkerPool, AnswersFromItsThreads) {
  auto pool = WorkerPool::Start(2, 100);
  auto server = Serve(OnPool(
      *pool, [](const HttpRequest& request) { return MakeResponse(200, "text/plain", request.target); }));
  RawSocket client(server->port());
  for (int i = 0; i < 100; ++i) {
    client.Send(kGet);
    ASSERT_THAT(client.ReadResponse(), EndsWith("\r\n\r\n/"));
  }
}

TEST(WorkerPool, LeavesTheLoopFreeWhileItBlocks) {
  std::promise<void> release;
  auto released = release.get_future().share();
  auto pool = WorkerPool::Start(2, 100);
  auto server = Serve(OnPool(*pool, [&](const HttpRequest& request) {
    if (request.target == "/slow") released.wait();
    return MakeResponse(200, "text/plain", request.target);
  }));
  RawSocket slow(server->port()), fast(server->port());
  slow.Send("GET /slow HTTP/1.1\r\nhost: x\r\n\r\n");
  fast.Send(kGet);
  EXPECT_THAT(fast.ReadResponse(), EndsWith("\r\n\r\n/"));
  release.set_value();
  EXPECT_THAT(slow.ReadResponse(), EndsWith("/slow"));
}

TEST(WorkerPool, Answers503WhenItsQueueIsFull) {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::atomic<int> running = 0;
  auto pool = WorkerPool::Start(1, 1);
  auto server = Serve(OnPool(*pool, [&](const HttpRequest&) {
    ++running;
    released.wait();
    return MakeResponse(200, "text/plain", "late");
  }));
  RawSocket runs(server->port());
  runs.Send(kGet);
  while (running == 0) std::this_thread::yield();
  ASSERT_TRUE(pool->Run([] {}));  // waits
  RawSocket refused(server->port());
  refused.Send(kGet);
  std::string answer = refused.ReadResponse();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("retry-after: 1\r\n"));
  release.set_value();
  EXPECT_THAT(runs.ReadResponse(), EndsWith("late"));
}

TEST(WorkerPool, Answers500ForAnException) {
  auto pool = WorkerPool::Start(1, 1);
  auto server = Serve(OnPool(
      *pool, [](const HttpRequest&) { return MakeResponse(200, "text/plain", std::string("a").substr(2)); }));
  RawSocket client(server->port());
  client.Send(kGet);
  EXPECT_THAT(client.ReadResponse(), StartsWith("HTTP/1.1 500 "));
}

TEST(WorkerPool, OutlivesAClientThatIsGone) {
  std::promise<void> started, release;
  auto pool = WorkerPool::Start(1, 1);
  auto server = Serve(OnPool(*pool, [&](const HttpRequest&) {
    started.set_value();
    release.get_future().wait();
    return MakeResponse(200, "text/plain", "nobody reads this");
  }));
  {
    RawSocket client(server->port());
    client.Send(kGet);
    started.get_future().wait();
  }
  release.set_value();
  server->Stop(std::chrono::seconds(60));
  EXPECT_EQ(server->counters().connections_open, 0u);
}

TEST(WorkerPool, FinishesWhatRunsWhenItEnds) {
  std::promise<void> started, release;
  bool ran = false;
  auto pool = WorkerPool::Start(1, 10);
  ASSERT_TRUE(pool->Run([&] {
    started.set_value();
    release.get_future().wait();
    ran = true;
  }));
  started.get_future().wait();
  release.set_value();
  pool.reset();
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace beleg::net
