// A connected socket, with or without TLS. It reads whenever there is room, asked or not: so it notices at once when the peer goes away,
// also while nobody waits for input, and bytes that came early (pipelined requests) are kept.
//
// Limits:  input_max bytes are held; beyond that the peer waits (TCP back-pressure), and its going away is noticed by Tick.
// Threads: the loop's alone.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"
#include "net/tls.h"

namespace beleg::net {

class SocketStream : public std::enable_shared_from_this<SocketStream> {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Millis = std::chrono::milliseconds;
  enum class Input { kBytes, kEnd, kTimeout };
  struct Limits {
    size_t input_max;
    Millis write_timeout;  // a Write during which the peer takes no byte for so long breaks the connection
  };

  // scratch: a buffer that the loop's streams share, used within one call only.
  SocketStream(boost::asio::ip::tcp::socket socket, std::string& scratch, Limits limits);

  // Before Start: from now on all goes through TLS. kUnavailable when the peer went away or did not end the handshake in
  // time, kPermissionDenied when one end does not trust the other.
  boost::asio::awaitable<Result<void>> StartTls(const TlsContext& context, std::string_view protocols,
                                                const std::string& host, Time deadline);
  // Begins to read.
  void Start() { Arm(); }

  // What has come and was not yet consumed.
  std::string_view input() const { return std::string_view(input_).substr(consumed_); }
  void Consume(size_t bytes);
  // Waits for more than input() holds now (which is less than input_max).
  boost::asio::awaitable<Input> MoreInput(Time deadline);

  // Sends up to three pieces in order, waiting for room. kCancelled once the peer is gone.
  boost::asio::awaitable<Result<void>> Write(std::string_view first, std::string_view second = {},
                                             std::string_view third = {});

  // True once the peer closed its side, the connection broke or Close was called.
  bool ended() const { return ended_; }
  // Called once when it ends; an empty function removes the one set before. Not called by Close.
  void OnEnd(std::function<void()> callback) { on_end_ = std::move(callback); }

  // As if the peer had gone away.
  void Break() { End(); }
  // Tells the peer that no more will come; input goes on.
  void ShutdownWrite();
  void Close();
  // Closes so that the peer cannot take what it has for the whole (a reset).
  void Abort();

  // Looks at the deadlines. To be called now and then.
  void Tick(Time now);

 private:
  using Pieces = std::array<boost::asio::const_buffer, 3>;

  void Arm();
  void OnReadable();
  size_t ReadSome(char* out, size_t size, boost::system::error_code& error);
  size_t WriteSome(const Pieces& pieces, boost::system::error_code& error);
  void End();
  void Wake();
  bool PeerHungUp();
  boost::asio::awaitable<void> WaitWritable();

  boost::asio::ip::tcp::socket socket_;
  std::string& scratch_;
  const Limits limits_;

  std::unique_ptr<TlsSession> tls_;
  Time handshake_deadline_ = Time::max();

  std::string input_;
  size_t consumed_ = 0;
  bool armed_ = false;
  bool ended_ = false;
  std::function<void()> on_end_;

  std::move_only_function<void()> waiter_;  // of MoreInput
  Time input_deadline_;
  bool timed_out_ = false;

  bool writing_ = false;
  Time write_deadline_;
  size_t unyielded_bytes_ = 0;
};

}  // namespace beleg::net
