// From another thread into a coroutine: Wakeup, and what is built on it, OneShot and TokenStream (serve/token_stream.h).
//
// Threads: Notify and Set from any thread; Wait and Get on the executor's own single thread.
#pragma once

#include <memory>
#include <optional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/mutex.h"
#include "net/http_server.h"

namespace beleg::serve {

// A timer that never fires, cancelled to wake the one coroutine that waits on it. Held by shared_ptr, since a posted wake may arrive
// after the waiting request has ended.
class Wakeup : public std::enable_shared_from_this<Wakeup> {
 public:
  explicit Wakeup(boost::asio::any_io_executor executor) : timer_(std::move(executor)) {}

  // Wakes the waiter, or makes the next Wait return at once. Costs the loop a turn only when somebody waits.
  void Notify();
  net::Awaitable<void> Wait();

 private:
  boost::asio::steady_timer timer_;
  Mutex mutex_;
  bool notified_ GUARDED_BY(mutex_) = false;
  bool waiting_ GUARDED_BY(mutex_) = false;
};

// One value that another thread delivers.
template <class T>
class OneShot {
 public:
  explicit OneShot(boost::asio::any_io_executor executor)
      : shared_(std::make_shared<Shared>(std::move(executor))) {}

  // A function that delivers the value; it may be called once, by any thread, also after the OneShot is gone.
  auto Setter() {
    return [shared = shared_](T value) {
      {
        MutexLock lock(shared->mutex);
        shared->value = std::move(value);
      }
      shared->wakeup->Notify();
    };
  }

  // True: Get returns at once.
  bool is_set() const {
    MutexLock lock(shared_->mutex);
    return shared_->value.has_value();
  }

  net::Awaitable<T> Get() {
    std::shared_ptr<Shared> shared = shared_;
    while (true) {
      {
        MutexLock lock(shared->mutex);
        if (shared->value) {
          T value = std::move(*shared->value);
          shared->value.reset();
          co_return value;
        }
      }
      co_await shared->wakeup->Wait();
    }
  }

 private:
  struct Shared {
    explicit Shared(boost::asio::any_io_executor executor)
        : wakeup(std::make_shared<Wakeup>(std::move(executor))) {}
    std::shared_ptr<Wakeup> wakeup;
    Mutex mutex;
    std::optional<T> value GUARDED_BY(mutex);
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace beleg::serve
