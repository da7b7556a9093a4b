#include "net/server_loop.h"

#include <algorithm>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "base/log.h"
#include "net/resolve.h"

namespace beleg::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr size_t kScratchBytes = 64 << 10;
// Refused connections that are kept long enough for the client to read why; more are closed at once.
constexpr size_t kRefusedOpenMax = 64;

std::chrono::milliseconds TickInterval(const HttpServerOptions& options) {
  auto shortest =
      std::min({options.head_timeout, options.body_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp(shortest / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

std::string FormatPeer(const tcp::socket& socket) {
  error_code error;
  tcp::endpoint peer = socket.remote_endpoint(error);
  return error ? "unknown" : FormatEndpoint(peer);
}

}  // namespace

ServerLoop::ServerLoop(HttpServerState& state)
    : state_(state),
      tick_interval_(TickInterval(state.options)),
      scratch_(kScratchBytes, '\0'),
      work_(asio::make_work_guard(context_)),
      tick_(context_) {}

void ServerLoop::StartThread() {
  thread_ = Thread("net-loop", [this](const std::stop_token&) { context_.run(); });
}

void ServerLoop::Add(tcp::socket socket, bool refuse) {
  if (refuse && refused_open_ >= kRefusedOpenMax) return;  // the socket closes
  // What a chunk's line, or a head of the largest size and a bit more, needs.
  size_t input_max = std::max(state_.options.head_bytes_max, kScratchBytes) + kChunkLineMax;
  std::string peer = FormatPeer(socket);
  auto stream = std::make_shared<SocketStream>(std::move(socket), scratch_,
                                               SocketStream::Limits{input_max, state_.options.write_timeout});
  auto connection =
      std::make_shared<HttpConnection>(std::move(stream), std::move(peer), context_.get_executor(), state_);
  connections_.insert(connection);
  if (refuse) ++refused_open_;
  {
    MutexLock lock(mutex_);
    ++live_;
  }
  ScheduleTick();
  asio::co_spawn(context_, HttpConnection::Run(connection, refuse),
                 [this, connection, refuse](const std::exception_ptr& failure) {
                   if (failure) LOG_ERROR("http.connection_failed", F("refused", refuse));
                   connection->Close();
                   Remove(connection, refuse);
                 });
}

void ServerLoop::Remove(const std::shared_ptr<HttpConnection>& connection, bool refused) {
  connections_.erase(connection);
  if (refused) {
    --refused_open_;
  } else {
    state_.open.fetch_sub(1);
  }
  MutexLock lock(mutex_);
  --live_;
  if (live_ == 0) emptied_.NotifyAll();
}

void ServerLoop::ScheduleTick() {
  if (ticking_ || connections_.empty()) return;
  ticking_ = true;
  tick_.expires_after(tick_interval_);
  tick_.async_wait([this](error_code) {
    ticking_ = false;
    // A connection may end, and leave the set, while it is looked at.
    std::vector<std::shared_ptr<HttpConnection>> now_here(connections_.begin(), connections_.end());
    auto now = std::chrono::steady_clock::now();
    for (const auto& connection : now_here) connection->Tick(now);
    ScheduleTick();
  });
}

void ServerLoop::CloseIdle() {
  std::vector<std::shared_ptr<HttpConnection>> now_here(connections_.begin(), connections_.end());
  for (const auto& connection : now_here) connection->CloseIfIdle();
}

void ServerLoop::BreakAll() {
  std::vector<std::shared_ptr<HttpConnection>> now_here(connections_.begin(), connections_.end());
  for (const auto& connection : now_here) connection->Break();
}

bool ServerLoop::WaitUntilEmpty(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  while (live_ > 0) {
    auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) return false;
    emptied_.WaitFor(
        mutex_, std::chrono::duration_cast<std::chrono::microseconds>(left) + std::chrono::microseconds(1));
  }
  return true;
}

void ServerLoop::Join() {
  work_.reset();
  asio::post(context_, [this] { tick_.cancel(); });
  thread_.Join();
}

}  // namespace beleg::net
