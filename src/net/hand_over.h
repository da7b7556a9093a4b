// How a server that is replaced gives its listening sockets to its successor, so that no client is refused: while neither
// accepts, connections wait in the kernel's backlog.
//
// Shape:   the running process has a HandOverPoint, a Unix socket in a folder only its user may enter. The successor calls
//          TakeOver when it is ready to serve but for what one process alone may hold (a lock, a port), and then
//          WaitUntilReleased, which returns when the other process has ended or let its point go.
// Errors:  kNotFound (nobody is there: start as usual), kUnavailable (it went away in the middle), kDeadlineExceeded.
// Threads: a HandOverPoint has a thread of its own, on which on_taken is called, once.
// Source:  unix(7), SCM_RIGHTS and SO_PEERCRED.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace beleg::net {

// Closes what it holds.
class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  ~UniqueFd();
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept;

  int get() const { return fd_; }
  int Release();

 private:
  int fd_;
};

class HandOverPoint {
 public:
  // path: at most 107 bytes; what is left there of a dead process is replaced. sockets stay the caller's, and must stay open
  // while the point lives. After on_taken the caller drains, stops, and destroys the point last.
  static Result<std::unique_ptr<HandOverPoint>> Open(const std::string& path, std::vector<int> sockets,
                                                     std::function<void()> on_taken);
  virtual ~HandOverPoint() = default;
};

class HandedOver {
 public:
  HandedOver(UniqueFd connection, std::vector<UniqueFd> sockets)
      : connection_(std::move(connection)), sockets_(std::move(sockets)) {}

  // In the order of the predecessor's.
  std::vector<UniqueFd>& sockets() { return sockets_; }
  Result<void> WaitUntilReleased(std::chrono::milliseconds limit) const;

 private:
  UniqueFd connection_;  // open at the other end for as long as the point lives
  std::vector<UniqueFd> sockets_;
};

Result<HandedOver> TakeOver(const std::string& path, size_t sockets);

}  // namespace beleg::net
