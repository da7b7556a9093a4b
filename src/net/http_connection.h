// One connection of the server: reads requests, runs the handler for each, closes.
#pragma once

#include <atomic>

#include "net/http1.h"
#include "net/http_exchange.h"
#include "net/http_server.h"
#include "net/socket_stream.h"

namespace beleg::net {

// What all connections of a server share.
struct HttpServerState {
  HttpServerOptions options;
  Handler handler;
  std::atomic<bool> stopping = false;
  std::atomic<uint64_t> accepted = 0;
  std::atomic<uint64_t> refused = 0;
  std::atomic<uint64_t> accept_pauses = 0;
  std::atomic<uint64_t> open = 0;
  std::atomic<uint64_t> requests = 0;
  std::atomic<uint64_t> unreadable_heads = 0;
};

// Threads: the loop's alone.
class HttpConnection {
 public:
  HttpConnection(std::shared_ptr<SocketStream> stream, std::string peer,
                 boost::asio::any_io_executor executor, HttpServerState& state);

  // Serves until the connection ends; refuse: answers 503 and no more. self keeps the object while the coroutine runs.
  static Awaitable<void> Run(std::shared_ptr<HttpConnection> self, bool refuse);

  void CloseIfIdle();
  // As if the client had gone away.
  void Break() { stream_->Break(); }
  void Close() { stream_->Close(); }
  void Tick(SocketStream::Time now) { stream_->Tick(now); }

 private:
  Awaitable<bool> ServeOne();
  Awaitable<Http1Result<RequestHead>> ReadHead();
  Awaitable<Http1Result<void>> ReadBody(RequestHead& head);
  Awaitable<Http1Result<void>> ReadSized(std::string& body, uint64_t length, SocketStream::Time deadline);
  Awaitable<Http1Result<void>> ReadChunked(std::string& body, SocketStream::Time deadline);
  Awaitable<Http1Result<void>> MoreBody(SocketStream::Time deadline);
  Awaitable<void> RunHandler(HttpExchange& exchange);
  HttpResponse MakeError(int status, std::string message);
  Awaitable<void> RefuseHead(Http1Error error);
  Awaitable<void> RefuseBody(const HttpRequest& head, Http1Error error);
  Awaitable<void> SendLast(HttpResponse response);
  Awaitable<void> Linger();

  std::shared_ptr<SocketStream> stream_;
  const std::string peer_;
  const boost::asio::any_io_executor executor_;
  HttpServerState& state_;
  bool first_ = true;
  bool idle_ = false;
};

}  // namespace beleg::net
