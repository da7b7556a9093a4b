// A client of unary gRPC calls over one HTTP/2 connection.
//
// Shape:   Call blocks; calls of many threads share the connection. It is made at the first call and anew after it broke.
// Retry:   only calls that the server surely has not begun (REFUSED_STREAM, or GOAWAY with a lower last stream), once. After
//          a failed connect calls fail at once until the back-off is over: 1.6 times longer each time, with jitter.
// Errors:  no answer of the server: kUnavailable (cannot connect, connection lost: whether the call was processed is unknown)
//          · kDeadlineExceeded · kCancelled · kResourceExhausted (answer too large, too many calls wait) · kInternal (answer
//          is no gRPC). An answer with any status is not an error here: look at GrpcReply.status.
// Threads: Call, Cancel and connected from any; one thread of its own.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/grpc.h"
#include "net/tls.h"

namespace beleg::net {

struct GrpcClientOptions {
  GrpcCompression compression = GrpcCompression::kNone;  // of what is sent; answers of any are taken
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds call_timeout{30'000};  // of calls that give none; sent as grpc-timeout
  std::chrono::milliseconds backoff_first{200};
  std::chrono::milliseconds backoff_max{10'000};
  std::chrono::milliseconds ping_interval{
      0};  // silence, with calls open, after which the server is asked; 0: never
  std::chrono::milliseconds ping_timeout{20'000};
  size_t message_bytes_max = 4 << 20;  // of an answer
  size_t calls_max = 10'000;           // at once; more are refused
  std::string user_agent = "beleg";
  std::shared_ptr<const TlsContext> tls = {};  // null: none, or for https the system's certificates
};

class GrpcClient {
 public:
  // target: "host:port", "http://host:port" or "https://host:port". Does not connect yet. kInvalidArgument: no such form.
  static Result<std::unique_ptr<GrpcClient>> Open(std::string_view target, GrpcClientOptions options);
  static Result<std::unique_ptr<GrpcClient>> Open(std::string_view target) {
    return Open(target, GrpcClientOptions{});
  }
  // Cancels; no Call may be in progress in another thread.
  virtual ~GrpcClient() = default;

  // path: "/package.Service/Method". timeout 0: that of the options.
  virtual Result<GrpcReply> Call(std::string_view path, const HttpHeaders& metadata, std::string_view message,
                                 std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) = 0;

  // Ends every Call in progress with kCancelled, and every later one.
  virtual void Cancel() = 0;
  virtual bool connected() const = 0;
};

}  // namespace beleg::net
