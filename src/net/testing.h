// For tests only: a client that sends exactly the bytes it is told to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::net {

// A blocking TCP connection to 127.0.0.1. Every read gives up after 10 seconds, so a test fails instead of hanging.
class RawClient {
 public:
  explicit RawClient(uint16_t port);
  ~RawClient() { Close(); }
  RawClient(RawClient&& other) noexcept : fd_(other.fd_), pending_(std::move(other.pending_)) { other.fd_ = -1; }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  // False when the peer has reset the connection.
  bool Send(std::string_view bytes);
  // Everything up to and with `end`; "" when the connection ended or time ran out before.
  std::string ReadUntil(std::string_view end);
  // Exactly so many bytes, fewer when the connection ended.
  std::string ReadBytes(size_t count);
  // A head and the body that its content-length announces.
  std::string ReadResponse();
  // Everything until the peer closes. timed_out() tells an end from a stop by time.
  std::string ReadAll();
  bool timed_out() const { return timed_out_; }

  void ShutdownWrite();
  void Close();
  // Closes by a reset.
  void Reset();
  // The kernel keeps little for this end, so that a server's writes soon block.
  void ShrinkReceiveBuffer();

 private:
  bool Fill();

  int fd_;
  std::string pending_;
  bool timed_out_ = false;
};

inline RawClient::RawClient(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  CHECK(fd_ >= 0, "socket");
  ::timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(::connect(fd_, reinterpret_cast<::sockaddr*>(&address), sizeof address) == 0, "connect");
}

inline bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

inline bool RawClient::Fill() {
  char buffer[16 << 10];
  ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
  if (got < 0) timed_out_ = errno == EAGAIN || errno == EWOULDBLOCK;
  if (got <= 0) return false;
  pending_.append(buffer, static_cast<size_t>(got));
  return true;
}

inline std::string RawClient::ReadUntil(std::string_view end) {
  size_t found = pending_.find(end);
  while (found == std::string::npos) {
    if (!Fill()) return "";
    found = pending_.find(end);
  }
  return ReadBytes(found + end.size());
}

inline std::string RawClient::ReadBytes(size_t count) {
  while (pending_.size() < count && Fill()) {
  }
  std::string out = pending_.substr(0, count);
  pending_.erase(0, out.size());
  return out;
}

inline std::string RawClient::ReadResponse() {
  constexpr std::string_view kLength = "content-length: ";
  std::string head = ReadUntil("\r\n\r\n");
  size_t at = head.find(kLength);
  if (at == std::string::npos) return head;
  at += kLength.size();
  auto length = ParseUint64(std::string_view(head).substr(at, head.find("\r\n", at) - at));
  return head + ReadBytes(length.value_or(0));
}

inline std::string RawClient::ReadAll() {
  while (Fill()) {
  }
  return std::exchange(pending_, {});
}

inline void RawClient::ShutdownWrite() { ::shutdown(fd_, SHUT_WR); }

inline void RawClient::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

inline void RawClient::Reset() {
  ::linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  Close();
}

inline void RawClient::ShrinkReceiveBuffer() {
  int bytes = 4'096;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

}  // namespace beleg::net
