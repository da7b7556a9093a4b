// An HTTP/2 connection of the server (RFC 9113): a coroutine a request, each an Exchange of its own.
//
// Limits:  Http2Options; head and body bytes and times as for HTTP/1.1. Requests whose client is gone count until their
//          handler has ended, so resets cannot multiply handlers.
// Threads: the loop's alone.
#pragma once

#include <map>

#include "net/http2_exchange.h"
#include "net/http_server_state.h"

namespace beleg::net {

class Http2Connection {
 public:
  Http2Connection(SocketStream& stream, std::string peer, boost::asio::any_io_executor executor,
                  HttpServerState& state);

  // Serves until the connection has ended and all handlers too.
  Awaitable<void> Run();
  // Takes no new requests (GOAWAY, twice: RFC 9113 §6.8) and ends when those that run are answered.
  void Drain();
  void Tick(SocketStream::Time now);

 private:
  enum class Draining { kNo, kNoticed, kFinal };
  // A request that has come, or comes.
  struct Request {
    Request(Http2Pump& pump, int32_t id, std::string peer, const boost::asio::any_io_executor& executor)
        : exchange(pump, id, std::move(peer), executor) {}
    Http2Exchange exchange;
    SocketStream::Time body_deadline;
    size_t counted_bytes = 0;
    bool head_ended = false;
    bool whole = false;
    bool handed_over = false;  // to its coroutine
    int refuse_status = 0;     // 0: to be handled
    std::string refuse_why;
  };
  using RequestPtr = std::shared_ptr<Request>;

  // Callbacks of nghttp2.
  static int OnBeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t flags, void* user);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int OnData(nghttp2_session*, uint8_t flags, int32_t id, const uint8_t* data, size_t size,
                    void* user);
  static int OnStreamClosed(nghttp2_session*, int32_t id, uint32_t error_code, void* user);
  static nghttp2_session_callbacks* MakeCallbacks();

  void Begin();
  RequestPtr Find(int32_t id);
  void TakeHead(Request& request);
  void TakeData(Request& request, std::string_view data);
  void Refuse(Request& request, int status, std::string why);
  void HandOver(const RequestPtr& request);
  void StartReady();
  Awaitable<void> Serve(RequestPtr request);
  Awaitable<void> ServeRefused(Request& request);
  void Ended(const RequestPtr& request);
  void SubmitFinalGoaway();
  void TickPing(SocketStream::Time now);
  void TickRequests(SocketStream::Time now);

  SocketStream& stream_;
  const std::string peer_;
  const boost::asio::any_io_executor executor_;
  HttpServerState& state_;
  Http2Pump pump_;
  Signal all_ended_;

  std::map<int32_t, RequestPtr> open_;  // streams that nghttp2 has open
  std::vector<RequestPtr> ready_;       // to be started after the callbacks
  size_t running_ = 0;                  // coroutines
  BodiesShare unanswered_;

  Draining draining_ = Draining::kNo;
  SocketStream::Time notice_ends_;
  SocketStream::Time last_used_;
  SocketStream::Time last_input_;
  SocketStream::Time too_old_ = SocketStream::Time::max();
  std::optional<SocketStream::Time> ping_sent_;
};

}  // namespace beleg::net
