// An HTTP server, 1.1 and 2: one event loop a core, a coroutine a connection and one a request of HTTP/2.
//
// Shape:   a handler gets one Exchange at a time on a connection (pipelined requests wait their turn), with the whole body
//          read, and answers it whole (Reply) or as a stream (StartStream, Write…, EndStream; chunked).
// Limits:  head bytes, body bytes of one and of all, time to read a head and a body, idle time, connections. Beyond: 431, 413, 408, close,
//          503 with Retry-After and close.
// Errors:  a head that is no HTTP gets 400 and is counted (unreadable_heads). A busy port is an error of Listen that names
//          the address; no SO_REUSEPORT, so two servers never share a port by mistake.
// HTTP:    1.1 and 1.0, strict where lenience would let requests be smuggled (net/http1.h); keep-alive, pipelining, HEAD,
//          Expect: 100-continue, absolute-form targets. HTTP/2 (RFC 9113) by prior knowledge: a connection that begins with
//          its preface; every request is an Exchange of its own, many at a time. With TLS both are offered by ALPN.
// Threads: handlers run on the loops' threads and must not block; block on a WorkerPool (net/worker_pool.h) instead.
//          An Exchange is used on its own loop's thread only; boost::asio::post(exchange.executor(), …) brings work there
//          from any thread, as long as the handler has not returned.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "net/http.h"
#include "net/tls.h"

namespace beleg::net {

template <class T>
using Awaitable = boost::asio::awaitable<T>;

// One request and the way to answer it.
class Exchange {
 public:
  virtual ~Exchange() = default;

  virtual const HttpRequest& request() const = 0;
  HttpRequest& mutable_request() { return const_cast<HttpRequest&>(request()); }

  // Answers whole. Errors: kCancelled when the client is gone.
  virtual Awaitable<Result<void>> Reply(HttpResponse response) = 0;

  // Answers in pieces: head now, then any number of Writes, then EndStream. A Content-Length among headers is kept (and
  // other than so many bytes are kInternal); else the body is chunked, for HTTP/1.0 ended by close. Write waits until the
  // socket took the bytes (back-pressure), which the caller keeps. Errors: kCancelled when the client is gone.
  virtual Awaitable<Result<void>> StartStream(int status, HttpHeaders headers) = 0;
  virtual Awaitable<Result<void>> Write(std::string_view bytes) = 0;
  virtual Awaitable<Result<void>> EndStream() = 0;

  // True once the client closed the connection (half-close counts: nobody reads the answer) or it broke.
  virtual bool client_gone() const = 0;
  // Called once, on the loop's thread, when the client goes away before the answer is complete; at once if it is gone
  // already. Replaces an earlier one; an empty function removes it.
  virtual void OnClientGone(std::function<void()> callback) = 0;

  virtual boost::asio::any_io_executor executor() = 0;
};

// Answers one request before it returns. Returning without an answer is a 500, in the middle of a stream a broken
// connection; so is an exception. It must end soon after OnClientGone: Stop waits for it.
using Handler = std::function<Awaitable<void>(Exchange&)>;

struct Http2Options {
  bool enabled = true;
  bool only = false;           // a connection that begins otherwise is closed
  size_t streams_max = 1'000;  // requests at once on a connection; more are refused (REFUSED_STREAM)
  // Bodies of all unanswered requests of a connection; a request beyond is refused with 503.
  size_t unanswered_bytes_max = 256 << 20;
  std::chrono::milliseconds age_max{0};  // GOAWAY after so long, give or take a tenth; 0: never
  std::chrono::milliseconds ping_interval{
      0};  // silence after which the peer is asked whether it lives; 0: never
  std::chrono::milliseconds ping_timeout{20'000};
};

struct HttpServerOptions {
  Endpoint listen{"127.0.0.1", 0};
  // An open listening socket that came from another process (net/hand_over.h), owned from Listen on; then `listen` is not
  // bound. -1: none.
  int listen_socket = -1;
  size_t threads = 1;
  size_t connections_max = 10'000;
  size_t head_bytes_max = 64 << 10;
  size_t body_bytes_max = 64 << 20;
  size_t bodies_bytes_max = 1 << 30;  // of all requests that are not answered; one beyond is refused with 503
  std::chrono::milliseconds head_timeout{10'000};
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds idle_timeout{75'000};
  // A client that takes no byte of its answer for so long counts as gone.
  std::chrono::milliseconds write_timeout{60'000};
  // At Stop, connections without a request are kept so long, since one may be on its way to them; its answer is their last.
  std::chrono::milliseconds stop_grace{0};
  Http2Options http2 = {};
  std::shared_ptr<const TlsContext> tls = {};  // null: none
  // What an error page of the server itself (400, 408, 413, 431, 503) has as body: OpenAI form, plain text … Gets status and
  // message; default: plain text.
  std::function<HttpResponse(int status, std::string message)> make_error = {};
  // Asked instead of make_error when the head of a request was read but its body was not (413, 408, 400 for bad chunks, 499
  // for a client gone while sending, whose answer is dropped). Such a request never reaches the handler; here it can be
  // recorded. Over HTTP/2 head.body holds what had come. May be empty.
  std::function<Awaitable<HttpResponse>(const HttpRequest& head, int status, std::string message)>
      refuse_body = {};
};

struct HttpServerCounters {
  uint64_t connections_accepted;
  uint64_t connections_refused;  // over connections_max
  uint64_t connections_open;
  uint64_t requests;          // heads read
  uint64_t accept_pauses;     // times that the process ran out of descriptors
  uint64_t unreadable_heads;  // malformed, too large, or not complete in time
};

class HttpServer {
 public:
  // Binds and listens, then serves until Stop. An empty host means all interfaces. Errors: kAlreadyExists (address in use),
  // kPermissionDenied, kInvalidArgument.
  static Result<std::unique_ptr<HttpServer>> Listen(HttpServerOptions options, Handler handler);
  virtual ~HttpServer() = default;  // Stop(0)

  virtual uint16_t port() const = 0;
  // The listening socket, for a successor; the server's own until Stop.
  virtual int listen_socket() const = 0;
  virtual HttpServerCounters counters() const = 0;
  // Stops accepting, closes idle connections after stop_grace, lets running exchanges end until the deadline, then breaks them (their
  // OnClientGone is called). Returns when all handlers and threads have ended. From any thread but the loops'.
  virtual void Stop(std::chrono::milliseconds drain) = 0;
};

}  // namespace beleg::net
