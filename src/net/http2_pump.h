// Moves bytes between an nghttp2 session and a socket, for both ends of HTTP/2.
//
// Shape:   what is submitted to the session is sent in the loop's next turn, so answers that are ready together leave
//          together. Nothing is submitted inside nghttp2's callbacks but resets, settings and pings.
// Limits:  while a server's client takes nothing and thousands of frames wait, nothing is read from it.
// Threads: the loop's alone.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <nghttp2/nghttp2.h>

#include "net/http.h"
#include "net/signal.h"
#include "net/socket_stream.h"

namespace beleg::net {

class Http2Pump {
 public:
  using Time = SocketStream::Time;

  Http2Pump(SocketStream& stream, const boost::asio::any_io_executor& executor);
  ~Http2Pump() { nghttp2_session_del(session_); }
  Http2Pump(const Http2Pump&) = delete;
  Http2Pump& operator=(const Http2Pump&) = delete;

  // Makes the session; the callbacks get `user`.
  void OpenServer(nghttp2_session_callbacks* callbacks, void* user);
  void OpenClient(nghttp2_session_callbacks* callbacks, void* user);
  nghttp2_session* session() { return session_; }
  // Says to the peer what this end takes: its own settings, and as flow control what is on its way (1 MiB a stream, 8 MiB in all);
  // what a message may hold in all is limited elsewhere.
  void SubmitSettings(std::vector<nghttp2_settings_entry> settings);

  // Serves until the connection ends, or the session is done and the peer closed after it. after_input: called whenever
  // input was taken in, outside of callbacks.
  boost::asio::awaitable<void> Run(std::function<void()> after_input);
  // To be called after anything was submitted.
  void Flush() { wake_writer_.Notify(); }
  // For a send_data_callback: a DATA frame follows what goes out already.
  void AppendData(const uint8_t* head, std::string_view first, std::string_view second);
  // True when bytes came from the peer since the last call.
  bool TookInput() { return std::exchange(took_input_, false); }
  // Ends a connection whose peer does not close in time after the session is done.
  void Tick(Time now);

 private:
  boost::asio::awaitable<void> ReadAll(const std::function<void()>& after_input);
  boost::asio::awaitable<void> WriteAll();
  void TakeInput();
  void CollectOutput();
  bool Done();

  SocketStream& stream_;
  const boost::asio::any_io_executor executor_;
  nghttp2_session* session_ = nullptr;
  Signal wake_writer_;
  Signal written_;
  Signal writer_ended_;
  size_t queued_frames_max_ = SIZE_MAX;
  std::string out_;
  bool broken_ = false;
  bool took_input_ = false;
  bool lingering_ = false;
  Time linger_until_ = Time::max();
};

// Fields in nghttp2's form. Names become lower-case; fields that HTTP/2 forbids, and names that are none, are left out;
// control characters in values become spaces.
class Http2Fields {
 public:
  void Add(std::string_view name, std::string_view value);
  void AddAll(const HttpHeaders& headers);
  // Valid until the next Add.
  const std::vector<nghttp2_nv>& list();

 private:
  HttpHeaders fields_;
  std::vector<nghttp2_nv> list_;
};

std::string_view AsView(const uint8_t* bytes, size_t size);

}  // namespace beleg::net
