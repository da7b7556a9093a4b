// A coroutine waits, others of its loop wake it.
#pragma once

#include <functional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace beleg::net {

// Remembers a Notify that nobody waited for, so none is lost. Threads: the loop's alone.
class Signal {
 public:
  explicit Signal(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

  // The waiter goes on in a later turn of the loop, not inside this call; so many Notifies cost one turn.
  void Notify();
  boost::asio::awaitable<void> Wait();

 private:
  boost::asio::any_io_executor executor_;
  std::move_only_function<void()> waiter_;
  bool notified_ = false;
};

}  // namespace beleg::net
