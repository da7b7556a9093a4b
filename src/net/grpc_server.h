// A server of unary gRPC calls: HTTP/2 without TLS (prior knowledge) over HttpServer.
//
// Shape:   a handler gets one GrpcCall with its message whole and decompressed and returns the GrpcReply. Which methods
//          there are is its business: it answers unknown ones with UnknownMethod.
// Limits:  message bytes (RESOURCE_EXHAUSTED), concurrent calls of a connection (REFUSED_STREAM), bytes of all unanswered
//          calls of a connection (UNAVAILABLE), header bytes, connections.
// Errors:  what a call itself got wrong is answered here, in words like those of Go's server, and never reaches the handler.
//          When its deadline passes, a call is answered DEADLINE_EXCEEDED at once, and what the handler returns later is
//          dropped.
// Threads: a GrpcHandler runs on a loop's thread and must not block; OnPool makes one of a handler that does.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/grpc.h"
#include "net/http_server.h"
#include "net/worker_pool.h"

namespace beleg::net {

struct GrpcCall {
  std::string method;  // "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
  HttpHeaders metadata;
  std::string message;
  std::string peer;  // "127.0.0.1:4711"
  std::optional<std::chrono::steady_clock::time_point> deadline;
  // Becomes true when nobody waits for the reply any more: the client has gone away or cancelled, or the deadline has
  // passed. Never null.
  std::shared_ptr<const std::atomic<bool>> cancelled;
};

using GrpcHandler = std::function<Awaitable<GrpcReply>(GrpcCall)>;
using BlockingGrpcHandler = std::function<GrpcReply(GrpcCall)>;

// Runs the blocking handler on the pool, which outlives the server. A full pool answers UNAVAILABLE.
GrpcHandler OnPool(WorkerPool& pool, BlockingGrpcHandler handler);

// UNIMPLEMENTED, "unknown service" or "unknown method".
GrpcReply UnknownMethod(std::string_view method);

struct GrpcServerOptions {
  Endpoint listen{"127.0.0.1", 0};
  size_t threads = 1;
  size_t connections_max = 10'000;
  size_t message_bytes_max = 4 << 20;
  size_t calls_max = 1'000;                 // at once on a connection
  size_t unanswered_bytes_max = 256 << 20;  // bodies of all calls on a connection that are not yet answered
  std::chrono::milliseconds idle_max{0};    // a connection without calls for so long gets GOAWAY; 0: never
  std::chrono::milliseconds connection_age_max{0};     // GOAWAY after so long, give or take a tenth; 0: never
  std::chrono::milliseconds ping_interval{7'200'000};  // silence after which the peer is asked; 0: never
  std::chrono::milliseconds ping_timeout{20'000};      // no answer for so long: the connection is broken
};

class GrpcServer {
 public:
  // Errors as HttpServer::Listen.
  static Result<std::unique_ptr<GrpcServer>> Listen(GrpcServerOptions options, GrpcHandler handler);

  uint16_t port() const { return http_->port(); }
  HttpServerCounters counters() const { return http_->counters(); }
  // GOAWAY to all, lets running calls end until the deadline, then breaks them. Returns when all handlers have ended. From
  // any thread but the loops'.
  void Stop(std::chrono::milliseconds drain) { http_->Stop(drain); }

  explicit GrpcServer(std::unique_ptr<HttpServer> http) : http_(std::move(http)) {}

 private:
  std::unique_ptr<HttpServer> http_;
};

// The same as a Handler, for a port that serves other things too: route requests of HTTP/2 whose content-type begins with
// application/grpc here. The server's body_bytes_max should be larger than message_bytes_max.
Handler ServeGrpc(GrpcHandler handler, size_t message_bytes_max);

}  // namespace beleg::net
