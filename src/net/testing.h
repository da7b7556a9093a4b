// For tests only: both ends of TCP that send exactly the bytes they are told to.
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

// A blocking TCP connection to 127.0.0.1. Every read gives up after a minute, so a test fails instead of hanging.
class RawSocket {
 public:
  // Connects.
  explicit RawSocket(uint16_t port);
  ~RawSocket() { Close(); }
  RawSocket(RawSocket&& other) noexcept : fd_(other.fd_), pending_(std::move(other.pending_)) {
    other.fd_ = -1;
  }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

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
  friend class RawListener;
  RawSocket() = default;
  void SetOptions();
  bool Fill();

  int fd_ = -1;
  std::string pending_;
  bool timed_out_ = false;
};

// What the server on that port answers to these bytes, up to the end of the connection.
std::string AnswerTo(uint16_t port, std::string_view bytes);

// A server that the test plays itself.
class RawListener {
 public:
  RawListener();
  ~RawListener() { Close(); }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;

  uint16_t port() const { return port_; }
  RawSocket Accept();
  void Close();

 private:
  int fd_;
  uint16_t port_ = 0;
};

inline ::sockaddr_in LoopbackAddress(uint16_t port) {
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

inline RawListener::RawListener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  ::sockaddr_in address = LoopbackAddress(0);
  ::socklen_t size = sizeof address;
  CHECK(::bind(fd_, reinterpret_cast<::sockaddr*>(&address), size) == 0 && ::listen(fd_, 64) == 0,
        "bind, listen");
  ::getsockname(fd_, reinterpret_cast<::sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
}

inline RawSocket RawListener::Accept() {
  RawSocket socket;
  socket.fd_ = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
  CHECK(socket.fd_ >= 0, "accept");
  socket.SetOptions();
  return socket;
}

inline void RawListener::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

inline RawSocket::RawSocket(uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  CHECK(fd_ >= 0, "socket");
  SetOptions();
  ::sockaddr_in address = LoopbackAddress(port);
  CHECK(::connect(fd_, reinterpret_cast<::sockaddr*>(&address), sizeof address) == 0, "connect");
}

inline void RawSocket::SetOptions() {
  ::timeval limit{.tv_sec = 60, .tv_usec = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

inline bool RawSocket::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

inline bool RawSocket::Fill() {
  char buffer[16 << 10];
  ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
  if (got < 0) timed_out_ = errno == EAGAIN || errno == EWOULDBLOCK;
  if (got <= 0) return false;
  pending_.append(buffer, static_cast<size_t>(got));
  return true;
}

inline std::string RawSocket::ReadUntil(std::string_view end) {
  size_t found = pending_.find(end);
  while (found == std::string::npos) {
    if (!Fill()) return "";
    found = pending_.find(end);
  }
  return ReadBytes(found + end.size());
}

inline std::string RawSocket::ReadBytes(size_t count) {
  while (pending_.size() < count && Fill()) {}
  std::string out = pending_.substr(0, count);
  pending_.erase(0, out.size());
  return out;
}

inline std::string RawSocket::ReadResponse() {
  constexpr std::string_view kLength = "content-length: ";
  std::string head = ReadUntil("\r\n\r\n");
  size_t at = head.find(kLength);
  if (at == std::string::npos) return head;
  at += kLength.size();
  auto length = ParseUint64(std::string_view(head).substr(at, head.find("\r\n", at) - at));
  return head + ReadBytes(length.value_or(0));
}

inline std::string RawSocket::ReadAll() {
  while (Fill()) {}
  return std::exchange(pending_, {});
}

inline void RawSocket::ShutdownWrite() { ::shutdown(fd_, SHUT_WR); }

inline void RawSocket::Close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

inline void RawSocket::Reset() {
  ::linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  Close();
}

inline void RawSocket::ShrinkReceiveBuffer() {
  int bytes = 4'096;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

inline std::string AnswerTo(uint16_t port, std::string_view bytes) {
  RawSocket client(port);
  client.Send(bytes);
  std::string answer = client.ReadAll();
  return client.timed_out() ? answer + "<and the connection stays open>" : answer;
}

}  // namespace beleg::net
