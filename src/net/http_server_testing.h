// What the server's tests share.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "net/http_server.h"

namespace beleg::net {

constexpr std::string_view kGet = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

// "METHOD target body", so that a test sees what the handler saw.
inline Awaitable<void> Echo(Exchange& exchange) {
  const HttpRequest& request = exchange.request();
  auto sent = co_await exchange.Reply(
      MakeResponse(200, "text/plain", fmt::format("{} {} {}", request.method, request.target, request.body)));
  EXPECT_TRUE(sent || sent.error().code == ErrorCode::kCancelled);
}

inline std::unique_ptr<HttpServer> Serve(Handler handler, HttpServerOptions options = {}) {
  auto server = HttpServer::Listen(std::move(options), std::move(handler));
  EXPECT_TRUE(server.has_value()) << server.error().message;
  return std::move(*server);
}

inline std::string WithClose(std::string_view head) {
  return std::string(head) + "connection: close\r\n\r\n";
}

}  // namespace beleg::net
