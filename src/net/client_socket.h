// A client's connected socket, with or without TLS. Inside of net/ only.
//
// Threads: the loop's alone. Close ends whatever is awaited with operation_aborted.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "base/result.h"
#include "net/tls.h"

namespace beleg::net {

class ClientSocket {
 public:
  using Code = boost::system::error_code;

  explicit ClientSocket(boost::asio::io_context& context) : socket_(context) {}
  ~ClientSocket() { Close(); }

  boost::asio::awaitable<Code> Connect(boost::asio::ip::tcp::endpoint endpoint);
  // After Connect: from now on all goes through TLS. Says in `why` what the other end did not like.
  boost::asio::awaitable<Code> StartTls(const TlsContext& context, const std::string& host, std::string& why);

  // All of both, in order.
  boost::asio::awaitable<Code> Write(std::string_view first, std::string_view second);
  // Some bytes, at least one unless there is an error; eof when the peer ended the stream.
  boost::asio::awaitable<size_t> Read(char* out, size_t size, Code& error);

  // Open, and no byte waits: a kept connection may be used again. Else it is closed.
  bool IsIdle();
  void Close();

 private:
  // Until the socket is as TLS wants it.
  boost::asio::awaitable<Code> WaitFor(TlsSession::Wants wants);
  boost::asio::awaitable<Code> WriteTls(std::string_view bytes);

  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<TlsSession> tls_;
};

}  // namespace beleg::net
