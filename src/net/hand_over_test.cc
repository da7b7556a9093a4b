#include "net/hand_over.h"

#include <unistd.h>

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/http_server_testing.h"
#include "net/testing.h"

namespace beleg::net {
namespace {

using std::chrono::milliseconds;
using ::testing::EndsWith;
using ::testing::HasSubstr;

class HandOverTest : public testing::Test {
 protected:
  const std::string path_ = fmt::format("{}hand_over_{}.sock", testing::TempDir(), ::getpid());
};

TEST_F(HandOverTest, NobodyThereIsNotFound) {
  EXPECT_EQ(TakeOver(path_, 1).error().code, ErrorCode::kNotFound);
}

TEST_F(HandOverTest, WhatIsLeftOfAnotherPointIsReplaced) {
  auto left = HandOverPoint::Open(path_, {0}, [] {});
  ASSERT_TRUE(left) << left.error().message;
  auto point = HandOverPoint::Open(path_, {0}, [] {});
  EXPECT_TRUE(point) << point.error().message;
  EXPECT_TRUE(TakeOver(path_, 1));
}

TEST_F(HandOverTest, PathTooLongIsNamed) {
  Result<HandedOver> taken = TakeOver("/" + std::string(200, 'x'), 1);
  EXPECT_EQ(taken.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(taken.error().message, HasSubstr("107 bytes"));
}

TEST_F(HandOverTest, ClientsBetweenTwoServersWaitAndAreAnswered) {
  auto old_server = Serve(Echo);
  const uint16_t port = old_server->port();
  std::promise<void> taken_promise;
  auto point = HandOverPoint::Open(path_, {old_server->listen_socket()}, [&] { taken_promise.set_value(); });
  ASSERT_TRUE(point) << point.error().message;

  Result<HandedOver> taken = TakeOver(path_, 1);
  ASSERT_TRUE(taken) << taken.error().message;
  taken_promise.get_future().get();
  EXPECT_EQ(taken->WaitUntilReleased(milliseconds(1)).error().code, ErrorCode::kDeadlineExceeded);
  old_server->Stop(milliseconds(1'000));
  old_server.reset();
  RawSocket between(port);
  ASSERT_TRUE(between.Send(kGet));
  point->reset();
  ASSERT_TRUE(taken->WaitUntilReleased(milliseconds(20'000)));

  auto new_server = Serve(Echo, {.listen_socket = taken->sockets()[0].Release()});
  EXPECT_EQ(new_server->port(), port);
  EXPECT_THAT(between.ReadResponse(), EndsWith("GET / "));
}

TEST_F(HandOverTest, WrongNumberOfSocketsIsAnError) {
  auto server = Serve(Echo);
  auto point = HandOverPoint::Open(path_, {server->listen_socket()}, [] {});
  ASSERT_TRUE(point);
  EXPECT_EQ(TakeOver(path_, 2).error().code, ErrorCode::kUnavailable);
}

TEST(HttpServerStop, RequestOnItsWayAtAStopIsAnswered) {
  auto server = Serve(Echo, {.stop_grace = milliseconds(200'000)});
  RawSocket client(server->port());
  client.Send(kGet);
  EXPECT_THAT(client.ReadResponse(), EndsWith("GET / "));
  auto stopped = std::async(std::launch::async, [&] { server->Stop(milliseconds(200'000)); });
  // The stop begins some time after its thread does; what is asked from then on is the last.
  std::string last;
  while (last.find("connection: close") == std::string::npos) {
    ASSERT_TRUE(client.Send(kGet));
    last = client.ReadResponse();
    ASSERT_THAT(last, EndsWith("GET / "));
  }
  EXPECT_EQ(client.ReadAll(), "");
  EXPECT_FALSE(client.timed_out()) << "the connection ends long before the grace does";
  stopped.get();
}

}  // namespace
}  // namespace beleg::net
