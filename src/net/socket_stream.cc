#include "net/socket_stream.h"

#include <poll.h>

#include <array>
#include <functional>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"

namespace beleg::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// A writer whose peer takes all at once lets other connections of the loop have their turn after so many bytes.
constexpr size_t kYieldBytes = 256 << 10;

bool WouldBlock(const error_code& error) {
  return error == asio::error::would_block || error == asio::error::try_again;
}

}  // namespace

SocketStream::SocketStream(tcp::socket socket, std::string& scratch, Limits limits)
    : socket_(std::move(socket)), scratch_(scratch), limits_(limits) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
}

void SocketStream::Consume(size_t bytes) {
  consumed_ += bytes;
  if (consumed_ == input_.size()) {
    input_.clear();
    consumed_ = 0;
  } else if (consumed_ > input_.size() / 2) {
    input_.erase(0, consumed_);
    consumed_ = 0;
  }
  Arm();
}

void SocketStream::Arm() {
  if (armed_ || ended_ || input().size() >= limits_.input_max) return;
  armed_ = true;
  auto readable = [self = shared_from_this()](error_code) {
    self->armed_ = false;
    self->OnReadable();
  };
  // What TLS has taken from the socket does not make that readable again.
  if (tls_ && tls_->has_pending())
    return asio::post(socket_.get_executor(), std::bind(readable, error_code()));
  socket_.async_wait(tcp::socket::wait_read, std::move(readable));
}

void SocketStream::OnReadable() {
  if (ended_) return;
  error_code error;
  size_t room = std::min(scratch_.size(), limits_.input_max - input().size());
  size_t bytes = ReadSome(scratch_.data(), room, error);
  if (WouldBlock(error)) return Arm();
  if (error) return End();
  input_.append(scratch_, 0, bytes);
  Arm();
  Wake();
}

size_t SocketStream::ReadSome(char* out, size_t size, error_code& error) {
  if (!tls_) return socket_.read_some(asio::buffer(out, size), error);
  TlsSession::Outcome outcome = tls_->Read(out, size);
  if (outcome.wants == TlsSession::Wants::kEnd) error = asio::error::eof;
  if (outcome.wants == TlsSession::Wants::kRead || outcome.wants == TlsSession::Wants::kWrite)
    error = asio::error::would_block;
  return outcome.bytes;
}

size_t SocketStream::WriteSome(const Pieces& pieces, error_code& error) {
  if (!tls_) return socket_.write_some(pieces, error);
  for (const asio::const_buffer& piece : pieces) {
    if (piece.size() == 0) continue;
    TlsSession::Outcome outcome = tls_->Write({static_cast<const char*>(piece.data()), piece.size()});
    if (outcome.wants == TlsSession::Wants::kEnd) error = asio::error::broken_pipe;
    if (outcome.wants == TlsSession::Wants::kRead || outcome.wants == TlsSession::Wants::kWrite)
      error = asio::error::would_block;
    return outcome.bytes;
  }
  return 0;
}

asio::awaitable<Result<void>> SocketStream::StartTls(const TlsContext& context, std::string_view protocols,
                                                     const std::string& host, Time deadline) {
  tls_ = context.Open(socket_.native_handle(), protocols, host);
  handshake_deadline_ = deadline;
  TlsSession::Outcome outcome = tls_->Handshake();
  while (!ended_ &&
         (outcome.wants == TlsSession::Wants::kRead || outcome.wants == TlsSession::Wants::kWrite)) {
    auto direction =
        outcome.wants == TlsSession::Wants::kRead ? tcp::socket::wait_read : tcp::socket::wait_write;
    error_code ignored;  // the handshake meets it again
    co_await socket_.async_wait(direction, asio::redirect_error(asio::use_awaitable, ignored));
    outcome = tls_->Handshake();
  }
  handshake_deadline_ = Time::max();
  if (ended_) co_return Fail(ErrorCode::kUnavailable, "the TLS handshake did not end in time");
  if (outcome.wants == TlsSession::Wants::kEnd)
    co_return Fail(ErrorCode::kPermissionDenied, "TLS handshake: {}", tls_->error());
  co_return Result<void>{};
}

asio::awaitable<SocketStream::Input> SocketStream::MoreInput(Time deadline) {
  CHECK(!waiter_, "two coroutines read one connection");
  CHECK(input().size() < limits_.input_max, "waits for input that has no room");
  if (ended_) co_return Input::kEnd;
  input_deadline_ = deadline;
  timed_out_ = false;
  auto wait = [](auto handler, SocketStream* self) { self->waiter_ = std::move(handler); };
  co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(wait, asio::use_awaitable, this);
  if (timed_out_) co_return Input::kTimeout;
  co_return ended_ ? Input::kEnd : Input::kBytes;
}

void SocketStream::Wake() {
  if (!waiter_) return;
  auto waiter = std::exchange(waiter_, nullptr);
  waiter();
}

asio::awaitable<Result<void>> SocketStream::Write(std::string_view first, std::string_view second,
                                                  std::string_view third) {
  CHECK(!writing_, "two coroutines write one connection");
  Pieces pieces{asio::buffer(first), asio::buffer(second), asio::buffer(third)};
  size_t left = first.size() + second.size() + third.size();
  while (left > 0) {
    if (ended_) co_return Fail(ErrorCode::kCancelled, "the client is gone");
    error_code error;
    size_t sent = WriteSome(pieces, error);
    if (error && !WouldBlock(error)) {
      End();
      continue;
    }
    left -= sent;
    unyielded_bytes_ += sent;
    for (asio::const_buffer& piece : pieces) {
      size_t of_piece = std::min(sent, piece.size());
      piece += of_piece;
      sent -= of_piece;
    }
    if (error) {
      co_await WaitWritable();
    } else if (unyielded_bytes_ > kYieldBytes) {
      unyielded_bytes_ = 0;
      co_await asio::post(asio::use_awaitable);
    }
  }
  co_return Result<void>{};
}

asio::awaitable<void> SocketStream::WaitWritable() {
  writing_ = true;
  write_deadline_ = std::chrono::steady_clock::now() + limits_.write_timeout;
  unyielded_bytes_ = 0;
  error_code ignored;  // the next write meets it again
  co_await socket_.async_wait(tcp::socket::wait_write, asio::redirect_error(asio::use_awaitable, ignored));
  writing_ = false;
}

void SocketStream::End() {
  if (ended_) return;
  ended_ = true;
  error_code ignored;
  socket_.cancel(ignored);  // a Write that waits
  auto callback = std::exchange(on_end_, nullptr);
  if (callback) callback();
  Wake();
}

void SocketStream::ShutdownWrite() {
  if (tls_) tls_->Shutdown();
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void SocketStream::Close() {
  ended_ = true;
  on_end_ = nullptr;
  if (tls_ && socket_.is_open()) tls_->Shutdown();
  error_code ignored;
  socket_.close(ignored);
  Wake();
}

void SocketStream::Abort() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  Close();
}

void SocketStream::Tick(Time now) {
  if (ended_) return;
  if (now >= handshake_deadline_) return End();
  if (waiter_ && now >= input_deadline_) {
    timed_out_ = true;
    return Wake();
  }
  bool stuck = writing_ && now >= write_deadline_;
  // With the input full nothing is read, so only the socket's state tells.
  if (stuck || (!armed_ && PeerHungUp())) End();
}

bool SocketStream::PeerHungUp() {
  ::pollfd poll{socket_.native_handle(), POLLRDHUP, 0};
  return ::poll(&poll, 1, 0) == 1 && (poll.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

}  // namespace beleg::net
