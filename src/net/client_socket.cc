#include "net/client_socket.h"

#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace beleg::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using Code = ClientSocket::Code;
using Wants = TlsSession::Wants;

asio::awaitable<Code> ClientSocket::Connect(tcp::endpoint endpoint) {
  Close();
  Code error;
  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return error;
  Code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  co_return error;
}

asio::awaitable<Code> ClientSocket::StartTls(const TlsContext& context, const std::string& host,
                                             std::string& why) {
  tls_ = context.Open(socket_.native_handle(), kAlpnHttp1, host);
  TlsSession::Outcome outcome = tls_->Handshake();
  while (outcome.wants == Wants::kRead || outcome.wants == Wants::kWrite) {
    Code error = co_await WaitFor(outcome.wants);
    if (error) co_return error;
    outcome = tls_->Handshake();
  }
  if (outcome.wants == Wants::kNothing) co_return Code();
  why = tls_->error();
  co_return asio::error::connection_refused;
}

asio::awaitable<Code> ClientSocket::Write(std::string_view first, std::string_view second) {
  Code error;
  if (tls_) {
    error = co_await WriteTls(first);
    if (!error) error = co_await WriteTls(second);
    co_return error;
  }
  std::array<asio::const_buffer, 2> pieces{asio::buffer(first), asio::buffer(second)};
  co_await asio::async_write(socket_, pieces, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

asio::awaitable<Code> ClientSocket::WriteTls(std::string_view bytes) {
  while (!bytes.empty()) {
    if (!tls_) co_return asio::error::operation_aborted;
    TlsSession::Outcome outcome = tls_->Write(bytes);
    if (outcome.wants == Wants::kEnd) co_return asio::error::broken_pipe;
    bytes.remove_prefix(outcome.bytes);
    if (outcome.wants == Wants::kNothing) continue;
    Code error = co_await WaitFor(outcome.wants);
    if (error) co_return error;
  }
  co_return Code();
}

asio::awaitable<size_t> ClientSocket::Read(char* out, size_t size, Code& error) {
  if (!tls_) {
    size_t bytes = co_await socket_.async_read_some(asio::buffer(out, size),
                                                    asio::redirect_error(asio::use_awaitable, error));
    co_return bytes;
  }
  while (true) {
    TlsSession::Outcome outcome = tls_->Read(out, size);
    if (outcome.wants == Wants::kNothing) co_return outcome.bytes;
    error = asio::error::eof;
    if (outcome.wants == Wants::kEnd) co_return 0;
    error = co_await WaitFor(outcome.wants);
    if (error) co_return 0;
  }
}

asio::awaitable<Code> ClientSocket::WaitFor(Wants wants) {
  Code error;
  auto direction = wants == Wants::kRead ? tcp::socket::wait_read : tcp::socket::wait_write;
  co_await socket_.async_wait(direction, asio::redirect_error(asio::use_awaitable, error));
  // Closed after the wait had ended well: TLS must not touch the descriptor, which may be another's by now.
  if (!socket_.is_open()) error = asio::error::operation_aborted;
  co_return error;
}

bool ClientSocket::IsIdle() {
  if (!socket_.is_open()) return false;
  char byte;
  Code error;
  bool waits;
  if (tls_) {
    // Takes in what TLS has to say between requests (session tickets).
    waits = tls_->Read(&byte, 1).wants == Wants::kRead;
  } else {
    socket_.read_some(asio::buffer(&byte, 1), error);
    waits = error == asio::error::would_block;
  }
  if (!waits) Close();
  return waits;
}

void ClientSocket::Close() {
  if (tls_ && socket_.is_open()) tls_->Shutdown();
  tls_ = nullptr;
  Code ignored;
  socket_.close(ignored);
}

}  // namespace beleg::net
