#include "net/reserved_port.h"

#include <set>

#include <gtest/gtest.h>

#include "net/http_server.h"

namespace beleg::net {
namespace {

Result<std::unique_ptr<HttpServer>> ListenOn(uint16_t port) {
  return HttpServer::Listen({.listen = {"127.0.0.1", port}}, {});
}

TEST(ReservedPort, AServerListensOnItAgainAndAgain) {
  auto reserved = ReservedPort::Choose();
  ASSERT_TRUE(reserved.has_value());
  for (int start = 0; start < 3; ++start) {
    auto server = ListenOn(reserved->number());
    ASSERT_TRUE(server.has_value()) << server.error().message;
    EXPECT_EQ((*server)->port(), reserved->number());
  }
}

TEST(ReservedPort, TwoServersStillCannotShareIt) {
  auto reserved = ReservedPort::Choose();
  ASSERT_TRUE(reserved.has_value());
  auto first = ListenOn(reserved->number());
  ASSERT_TRUE(first.has_value());
  auto second = ListenOn(reserved->number());
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, ErrorCode::kAlreadyExists);
}

TEST(ReservedPort, NoOtherIsGivenTheSame) {
  std::vector<ReservedPort> held;
  std::set<uint16_t> numbers;
  for (int i = 0; i < 200; ++i) {
    auto reserved = ReservedPort::Choose();
    ASSERT_TRUE(reserved.has_value());
    EXPECT_TRUE(numbers.insert(reserved->number()).second);
    held.push_back(std::move(*reserved));
  }
}

}  // namespace
}  // namespace beleg::net
