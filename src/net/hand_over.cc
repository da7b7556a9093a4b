#include "net/hand_over.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/log.h"
#include "base/thread.h"

namespace beleg::net {
namespace {

constexpr size_t kSocketsMax = 8;
constexpr std::chrono::milliseconds kAnswerLimit{5'000};

Result<sockaddr_un> AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path))
    return Fail(ErrorCode::kInvalidArgument, "{}: longer than {} bytes", path, sizeof(address.sun_path) - 1);
  path.copy(address.sun_path, path.size());
  return address;
}

Result<UniqueFd> UnixSocket() {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return Fail(ErrorCode::kInternal, "socket: {}", std::strerror(errno));
  return fd;
}

bool SamePrincipal(int connection) {
  ucred peer{};
  socklen_t length = sizeof(peer);
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
         (peer.uid == ::geteuid() || peer.uid == 0);
}

// A message of one byte that carries sockets. Points into itself.
class SocketMessage {
 public:
  explicit SocketMessage(size_t sockets_max) {
    message_.msg_iov = &text_;
    message_.msg_iovlen = 1;
    message_.msg_control = control_;
    message_.msg_controllen = CMSG_SPACE(sockets_max * sizeof(int));
  }
  SocketMessage(const SocketMessage&) = delete;
  SocketMessage& operator=(const SocketMessage&) = delete;

  msghdr* get() { return &message_; }

 private:
  char byte_ = 1;
  iovec text_{&byte_, 1};
  alignas(cmsghdr) char control_[CMSG_SPACE(kSocketsMax * sizeof(int))] = {};
  msghdr message_{};
};

bool SendSockets(int connection, const std::vector<int>& sockets) {
  SocketMessage message(sockets.size());
  cmsghdr* header = CMSG_FIRSTHDR(message.get());
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sockets.size() * sizeof(int));
  std::memcpy(CMSG_DATA(header), sockets.data(), sockets.size() * sizeof(int));
  return ::sendmsg(connection, message.get(), MSG_NOSIGNAL) == 1;
}

std::vector<UniqueFd> ReceiveSockets(int connection) {
  SocketMessage message(kSocketsMax);
  std::vector<UniqueFd> sockets;
  if (::recvmsg(connection, message.get(), MSG_CMSG_CLOEXEC) != 1) return sockets;
  cmsghdr* header = CMSG_FIRSTHDR(message.get());
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
    return sockets;
  for (size_t i = 0; i < (header->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof(int));
    sockets.emplace_back(fd);
  }
  return sockets;
}

// Waits for fd or stop; false: stop, or the limit is over.
bool WaitReadable(int fd, int stop, int limit_ms) {
  pollfd waits[] = {{fd, POLLIN, 0}, {stop, POLLIN, 0}};
  int ready = 0;
  do {
    ready = ::poll(waits, stop >= 0 ? 2 : 1, limit_ms);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && waits[0].revents != 0 && (stop < 0 || waits[1].revents == 0);
}

class Point final : public HandOverPoint {
 public:
  Point(std::string path, UniqueFd listener, UniqueFd stop, std::vector<int> sockets,
        std::function<void()> on_taken)
      : path_(std::move(path)),
        listener_(std::move(listener)),
        stop_(std::move(stop)),
        sockets_(std::move(sockets)),
        on_taken_(std::move(on_taken)),
        thread_("hand-over", [this](const std::stop_token&) { Run(); }) {}
  ~Point() override {
    uint64_t one = 1;
    if (::write(stop_.get(), &one, sizeof(one)) < 0) LOG_ERROR("hand_over.stop", F("errno", errno));
    thread_.Join();
    if (successor_.get() < 0) ::unlink(path_.c_str());  // else the successor's stands there by now, or soon
  }

 private:
  void Run();

  const std::string path_;
  const UniqueFd listener_, stop_;
  const std::vector<int> sockets_;
  const std::function<void()> on_taken_;
  UniqueFd successor_;  // closing it says that we let go
  Thread thread_;
};

void Point::Run() {
  while (WaitReadable(listener_.get(), stop_.get(), -1)) {
    UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.get() < 0) continue;
    if (!SamePrincipal(connection.get()) || !SendSockets(connection.get(), sockets_)) continue;
    LOG_INFO("hand_over.taken", F("sockets", sockets_.size()));
    successor_ = std::move(connection);
    on_taken_();
    return;
  }
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) ::close(fd_);
}

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

int UniqueFd::Release() { return std::exchange(fd_, -1); }

Result<std::unique_ptr<HandOverPoint>> HandOverPoint::Open(const std::string& path, std::vector<int> sockets,
                                                           std::function<void()> on_taken) {
  CHECK(!sockets.empty() && sockets.size() <= kSocketsMax, "sockets to hand over");
  TRY_ASSIGN(sockaddr_un address, AddressOf(path));
  TRY_ASSIGN(UniqueFd listener, UnixSocket());
  ::unlink(path.c_str());
  if (::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 ||
      ::listen(listener.get(), 1) != 0)
    return Fail(ErrorCode::kInternal, "{}: {}", path, std::strerror(errno));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  if (stop.get() < 0) return Fail(ErrorCode::kInternal, "eventfd: {}", std::strerror(errno));
  return std::make_unique<Point>(path, std::move(listener), std::move(stop), std::move(sockets),
                                 std::move(on_taken));
}

Result<HandedOver> TakeOver(const std::string& path, size_t sockets) {
  TRY_ASSIGN(sockaddr_un address, AddressOf(path));
  TRY_ASSIGN(UniqueFd connection, UnixSocket());
  if (::connect(connection.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    return Fail(errno == ENOENT || errno == ECONNREFUSED ? ErrorCode::kNotFound : ErrorCode::kUnavailable,
                "{}: {}", path, std::strerror(errno));
  if (!WaitReadable(connection.get(), -1, static_cast<int>(kAnswerLimit.count())))
    return Fail(ErrorCode::kDeadlineExceeded, "{}: the running server does not answer", path);
  std::vector<UniqueFd> received = ReceiveSockets(connection.get());
  if (received.size() != sockets)
    return Fail(ErrorCode::kUnavailable, "{}: the running server gave {} sockets, not {}", path,
                received.size(), sockets);
  return HandedOver(std::move(connection), std::move(received));
}

Result<void> HandedOver::WaitUntilReleased(std::chrono::milliseconds limit) const {
  // Nothing more is sent, so readable means ended.
  if (WaitReadable(connection_.get(), -1, static_cast<int>(limit.count()))) return {};
  return Fail(ErrorCode::kDeadlineExceeded, "the running server has not ended within {} ms", limit.count());
}

}  // namespace beleg::net
