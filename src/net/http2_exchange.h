// One request of an HTTP/2 connection and its answer.
#pragma once

#include "net/http2_pump.h"
#include "net/http_server.h"

namespace beleg::net {

class Http2Exchange final : public Exchange {
 public:
  Http2Exchange(Http2Pump& pump, int32_t stream_id, std::string peer, boost::asio::any_io_executor executor);

  const HttpRequest& request() const override { return request_; }
  Awaitable<Result<void>> Reply(HttpResponse response) override;
  Awaitable<Result<void>> StartStream(int status, HttpHeaders headers) override;
  Awaitable<Result<void>> Write(std::string_view bytes) override;
  Awaitable<Result<void>> EndStream() override;
  bool client_gone() const override { return gone_; }
  void OnClientGone(std::function<void()> callback) override;
  boost::asio::any_io_executor executor() override { return executor_; }

  bool started() const { return state_ != State::kFresh; }
  bool complete() const { return state_ == State::kComplete; }

  // A field of the request's head.
  void AddField(std::string_view name, std::string_view value);
  // Bytes of the head so far: names, values and 32 for each field (RFC 9113 §6.5.2).
  size_t head_bytes() const { return head_bytes_; }
  // To be called when the head is complete.
  void EndHead();

  // The stream was closed, or its connection: an answer that is not complete never will be.
  void SetGone();
  // Breaks the stream off.
  void Reset(uint32_t error_code);
  // The peer has taken no byte of a waiting answer since.
  std::optional<SocketStream::Time> stuck_since() const { return stuck_since_; }

 private:
  enum class State { kFresh, kStreaming, kComplete };

  static ssize_t Read(nghttp2_session* session, int32_t stream_id, uint8_t* out, size_t size, uint32_t* flags,
                      nghttp2_data_source* source, void* user);
  ssize_t ReadPending(uint8_t* out, size_t size, uint32_t* flags);
  Result<void> SubmitHead(int status, Http2Fields fields, bool with_body);
  Awaitable<Result<void>> Send(std::string_view bytes, bool last);
  bool HasNoBody(int status) const;
  void Complete();

  Http2Pump& pump_;
  const int32_t stream_id_;
  const boost::asio::any_io_executor executor_;
  HttpRequest request_;
  std::string cookies_;
  size_t head_bytes_ = 0;

  State state_ = State::kFresh;
  bool no_body_ = false;
  bool gone_ = false;
  std::string_view pending_;  // of the Send that waits
  bool last_ = false;         // nothing comes after pending_
  Http2Fields trailers_;
  std::optional<SocketStream::Time> stuck_since_;
  Signal taken_;
  std::function<void()> on_gone_;
};

}  // namespace beleg::net
