// One event loop of a server: a thread, its connections and their timeouts.
#pragma once

#include <optional>
#include <unordered_set>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/mutex.h"
#include "base/thread.h"
#include "net/http_connection.h"

namespace beleg::net {

// Threads: Add, CloseIdle and BreakAll on the loop's own, the others on any but the loop's.
class ServerLoop {
 public:
  explicit ServerLoop(HttpServerState& state);
  // All connections have ended.
  ~ServerLoop() = default;

  boost::asio::io_context& context() { return context_; }
  void StartThread();

  // Serves the connection, or tells it that there is no room. Counted as open by the caller if served.
  void Add(boost::asio::ip::tcp::socket socket, bool refuse);
  void CloseIdle();
  void BreakAll();

  // False when connections are left at the deadline.
  bool WaitUntilEmpty(std::chrono::steady_clock::time_point deadline);
  // Ends and joins the thread.
  void Join();

 private:
  void Remove(const std::shared_ptr<HttpConnection>& connection, bool refused);
  void ScheduleTick();

  HttpServerState& state_;
  const std::chrono::milliseconds tick_interval_;
  std::string scratch_;
  boost::asio::io_context context_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  boost::asio::steady_timer tick_;
  bool ticking_ = false;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  size_t refused_open_ = 0;

  Mutex mutex_;
  CondVar emptied_;
  size_t live_ GUARDED_BY(mutex_) = 0;
  Thread thread_;
};

}  // namespace beleg::net
