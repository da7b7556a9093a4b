// One connection of the server: reads requests, runs the handler for each, closes.
#pragma once

#include "net/http1.h"
#include "net/http2_connection.h"
#include "net/http_exchange.h"
#include "net/http_server_state.h"
#include "net/socket_stream.h"

namespace beleg::net {

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
  void Tick(SocketStream::Time now);

 private:
  Awaitable<Result<void>> SecureByTls();
  Awaitable<bool> IsHttp2();
  Awaitable<void> ServeHttp2();
  Awaitable<bool> ServeOne();
  Awaitable<Http1Result<RequestHead>> ReadHead();
  // share: of the server's room for bodies, to be kept as long as the body.
  Awaitable<Http1Result<void>> ReadBody(RequestHead& head, BodiesShare& share);
  Awaitable<Http1Result<void>> ReadSized(std::string& body, uint64_t length, BodiesShare& share,
                                         SocketStream::Time deadline);
  Awaitable<Http1Result<void>> ReadChunked(std::string& body, BodiesShare& share,
                                           SocketStream::Time deadline);
  Awaitable<Http1Result<void>> MoreBody(SocketStream::Time deadline);
  Awaitable<void> RunHandler(HttpExchange& exchange);
  Awaitable<void> RefuseHead(Http1Error error);
  Awaitable<void> RefuseBody(HttpRequest& head, BodiesShare& share, Http1Error error);
  Awaitable<void> SendLast(HttpResponse response);
  Awaitable<void> Linger();

  std::shared_ptr<SocketStream> stream_;
  const std::string peer_;
  const boost::asio::any_io_executor executor_;
  HttpServerState& state_;
  bool first_ = true;
  bool idle_ = false;
  std::shared_ptr<Http2Connection> http2_;  // once the client began so; a Tick that ends it keeps it
};

}  // namespace beleg::net
