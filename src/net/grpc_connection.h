// A gRPC client's connection and the calls on it. Inside of net/ only.
#pragma once

#include <unordered_map>

#include <boost/asio/steady_timer.hpp>

#include "base/mutex.h"
#include "net/grpc_client.h"
#include "net/http2_pump.h"

namespace beleg::net {

// A call from the thread that waits for it to the loop that makes it. All but the outcome is the loop's alone once the
// call is handed over.
struct GrpcClientCall {
  explicit GrpcClientCall(const boost::asio::any_io_executor& executor) : timer(executor) {}

  std::string path;
  HttpHeaders metadata;
  std::string framed;        // what is sent: the message packed, or its prefix alone
  std::string_view message;  // and then, the caller's bytes, which may be gone once the call is finished
  size_t sent_bytes = 0;     // of both
  SocketStream::Time deadline;
  boost::asio::steady_timer timer;

  int attempts = 0;
  bool head_sent = false;
  bool finished = false;
  SocketStream::Time submitted;

  int http_status = 0;   // 0: the answer's head has not come
  HttpHeaders incoming;  // the head that is coming
  size_t incoming_bytes = 0;
  HttpHeaders head;
  HttpHeaders trailers;
  std::string body;

  Mutex mutex;
  CondVar done;
  std::optional<Result<GrpcReply>> outcome GUARDED_BY(mutex);
};
using GrpcCallPtr = std::shared_ptr<GrpcClientCall>;

// Threads: the loop's alone.
class GrpcConnection {
 public:
  // What becomes of calls; called from the loop, also inside nghttp2's callbacks.
  struct Events {
    std::function<void(GrpcCallPtr, Result<GrpcReply>)> finish;
    std::function<void(GrpcCallPtr)> retry;  // the server has surely not begun it
  };

  GrpcConnection(std::shared_ptr<SocketStream> stream, boost::asio::any_io_executor executor,
                 std::string where, const GrpcClientOptions& options, Events events);

  // Until the connection has ended; all its calls then have too.
  boost::asio::awaitable<void> Run();
  // New calls may be made on it: not ended, no GOAWAY.
  bool usable();
  // The server has spoken HTTP/2.
  bool greeted() const { return greeted_; }
  void Submit(const GrpcCallPtr& call);
  // The caller does not wait any more.
  void Abandon(const GrpcCallPtr& call);
  void Break() { stream_->Break(); }
  void Tick(SocketStream::Time now);

 private:
  static int OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t flags, void* user);
  static int OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user);
  static int OnData(nghttp2_session*, uint8_t flags, int32_t id, const uint8_t* data, size_t size,
                    void* user);
  static int OnStreamClosed(nghttp2_session*, int32_t id, uint32_t error_code, void* user);
  static ssize_t ReadBody(nghttp2_session*, int32_t id, uint8_t* out, size_t size, uint32_t* flags,
                          nghttp2_data_source* source, void* user);
  static int SendBody(nghttp2_session* session, nghttp2_frame* frame, const uint8_t* head, size_t size,
                      nghttp2_data_source* source, void* user);

  void Begin();
  GrpcCallPtr Find(int32_t id);
  void TakeHead(GrpcClientCall& call);
  void Close(const GrpcCallPtr& call, std::optional<uint32_t> error_code);
  void GiveUp(int32_t id, std::unexpected<Error> why);
  void Ping(SocketStream::Time now);
  Result<GrpcReply> MakeReply(GrpcClientCall& call) const;
  std::unexpected<Error> ResetError(const GrpcClientCall& call, uint32_t error_code) const;

  std::shared_ptr<SocketStream> stream_;
  const std::string where_;
  const GrpcClientOptions& options_;
  const Events events_;
  Http2Pump pump_;
  std::unordered_map<int32_t, GrpcCallPtr> calls_;
  bool greeted_ = false;
  SocketStream::Time last_input_;
  std::optional<SocketStream::Time> ping_sent_;
};

}  // namespace beleg::net
