#include "net/signal.h"

#include <utility>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/check.h"

namespace beleg::net {

namespace asio = boost::asio;

void Signal::Notify() {
  notified_ = true;
  if (!waiter_) return;
  asio::post(executor_, [waiter = std::exchange(waiter_, nullptr)]() mutable { waiter(); });
}

asio::awaitable<void> Signal::Wait() {
  CHECK(!waiter_, "one coroutine waits for a signal");
  if (!notified_) {
    auto wait = [](auto handler, Signal* self) { self->waiter_ = std::move(handler); };
    co_await asio::async_initiate<decltype(asio::use_awaitable), void()>(wait, asio::use_awaitable, this);
  }
  notified_ = false;
}

}  // namespace beleg::net
