// Exchange over a SocketStream: answers one request in HTTP/1.1's forms.
#pragma once

#include "net/http1.h"
#include "net/http_server.h"
#include "net/socket_stream.h"

namespace beleg::net {

class HttpExchange final : public Exchange {
 public:
  // keep_alive: false when the server wants the connection to end after this answer.
  HttpExchange(SocketStream& stream, RequestHead head, bool keep_alive,
               boost::asio::any_io_executor executor);
  ~HttpExchange() override { stream_.OnEnd({}); }

  const HttpRequest& request() const override { return head_.request; }
  Awaitable<Result<void>> Reply(HttpResponse response) override;
  Awaitable<Result<void>> StartStream(int status, HttpHeaders headers) override;
  Awaitable<Result<void>> Write(std::string_view bytes) override;
  Awaitable<Result<void>> EndStream() override;
  bool client_gone() const override { return stream_.ended(); }
  void OnClientGone(std::function<void()> callback) override;
  boost::asio::any_io_executor executor() override { return executor_; }

  bool started() const { return state_ != State::kFresh; }
  bool complete() const { return state_ == State::kComplete; }
  // The connection may carry a next request.
  bool keeps_connection() const { return complete() && keep_alive_ && !stream_.ended(); }
  // True when only the end of the connection tells the client that the answer is complete.
  bool ends_by_close() const { return framing_ == Framing::kClose; }

 private:
  enum class State { kFresh, kStreaming, kComplete };
  enum class Framing { kNone, kLength, kChunked, kClose };

  std::string FormatHead(int status, const HttpHeaders& headers, std::string_view framing_field);
  bool HasNoBody(int status) const;
  void Complete();

  SocketStream& stream_;
  RequestHead head_;
  bool keep_alive_;
  boost::asio::any_io_executor executor_;
  State state_ = State::kFresh;
  Framing framing_ = Framing::kNone;
  uint64_t length_left_ = 0;
};

}  // namespace beleg::net
