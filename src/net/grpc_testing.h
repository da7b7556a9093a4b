// What the gRPC tests share.
#pragma once

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "net/grpc_client.h"
#include "net/grpc_server.h"

namespace beleg::net {

constexpr std::string_view kEchoMethod = "/beleg.test.Echo/Echo";

inline Awaitable<GrpcReply> EchoCall(GrpcCall call) {
  GrpcReply reply;
  reply.message = std::move(call.message);
  co_return reply;
}

inline std::unique_ptr<GrpcServer> ServeCalls(GrpcHandler handler, GrpcServerOptions options = {}) {
  auto server = GrpcServer::Listen(std::move(options), std::move(handler));
  EXPECT_TRUE(server.has_value()) << server.error().message;
  return std::move(*server);
}

inline std::unique_ptr<GrpcClient> ConnectTo(uint16_t port, GrpcClientOptions options = {}) {
  auto client = GrpcClient::Open(fmt::format("127.0.0.1:{}", port), std::move(options));
  EXPECT_TRUE(client.has_value()) << client.error().message;
  return std::move(*client);
}

}  // namespace beleg::net
