#include "serve/wakeup.h"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace beleg::serve {

void Wakeup::Notify() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(notified_, true) || !waiting_) return;
    waiting_ = false;  // one post is enough
  }
  boost::asio::post(timer_.get_executor(), [self = shared_from_this()] { self->timer_.cancel(); });
}

net::Awaitable<void> Wakeup::Wait() {
  auto self = shared_from_this();
  while (true) {
    {
      MutexLock lock(mutex_);
      if (notified_) {
        notified_ = waiting_ = false;
        co_return;
      }
      waiting_ = true;
    }
    timer_.expires_at(std::chrono::steady_clock::time_point::max());
    boost::system::error_code cancelled;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
  }
}

}  // namespace beleg::serve
