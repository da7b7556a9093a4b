#include "net/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "base/log.h"
#include "net/resolve.h"
#include "net/server_loop.h"

namespace beleg::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

// Out of descriptors or memory: an accept tried again at once would only burn the core.
constexpr std::chrono::milliseconds kAcceptBackOff{50};
constexpr std::chrono::seconds kSlowHandlerWarning{10};

bool IsShortage(const error_code& error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space || error == boost::system::errc::not_enough_memory;
}

class Server final : public HttpServer {
 public:
  Server(HttpServerOptions options, Handler handler) {
    state_.options = std::move(options);
    state_.handler = std::move(handler);
    for (size_t i = 0; i < std::max<size_t>(state_.options.threads, 1); ++i) {
      loops_.push_back(std::make_unique<ServerLoop>(state_));
    }
    acceptor_.emplace(loops_[0]->context());
  }
  ~Server() override { Stop(std::chrono::milliseconds(0)); }

  Result<void> Bind();
  void Start();
  uint16_t port() const override { return port_; }
  int listen_socket() const override { return listen_socket_; }
  HttpServerCounters counters() const override;
  void Stop(std::chrono::milliseconds drain) override;

 private:
  Result<void> BindTo(const tcp::endpoint& endpoint);
  Result<void> TakeSocket(int socket);
  Awaitable<void> AcceptLoop();
  void HandOver(ServerLoop& loop, tcp::socket socket);
  bool WaitUntilEmpty(std::chrono::steady_clock::time_point deadline);

  HttpServerState state_;
  std::vector<std::unique_ptr<ServerLoop>> loops_;
  std::optional<tcp::acceptor> acceptor_;  // on the first loop
  uint16_t port_ = 0;
  int listen_socket_ = -1;  // the acceptor's
  Mutex stop_mutex_;
  bool stopped_ GUARDED_BY(stop_mutex_) = false;
};

Result<void> Server::Bind() {
  if (state_.options.listen_socket >= 0) return TakeSocket(state_.options.listen_socket);
  TRY_ASSIGN(std::vector<tcp::endpoint> endpoints, ResolveToListen(state_.options.listen));
  Result<void> bound;
  for (const tcp::endpoint& endpoint : endpoints) {
    bound = BindTo(endpoint);
    // A host without IPv6 still listens on all of IPv4.
    if (bound || bound.error().code != ErrorCode::kUnavailable) return bound;
  }
  return bound;
}

Result<void> Server::BindTo(const tcp::endpoint& endpoint) {
  error_code error;
  acceptor_->open(endpoint.protocol(), error);
  // Only lets a restarted server bind while connections of the last one time out; two listeners still cannot share a port.
  if (!error) acceptor_->set_option(asio::socket_base::reuse_address(true), error);
  if (!error && endpoint.protocol() == tcp::v6()) acceptor_->set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor_->bind(endpoint, error);
  if (!error) acceptor_->listen(asio::socket_base::max_listen_connections, error);
  if (!error) acceptor_->non_blocking(true, error);
  if (!error) port_ = acceptor_->local_endpoint(error).port();
  listen_socket_ = acceptor_->native_handle();
  if (!error) return {};
  error_code ignored;
  acceptor_->close(ignored);
  ErrorCode code = ErrorCode::kInvalidArgument;
  if (error == asio::error::address_in_use) code = ErrorCode::kAlreadyExists;
  if (error == asio::error::access_denied) code = ErrorCode::kPermissionDenied;
  if (error == asio::error::address_family_not_supported) code = ErrorCode::kUnavailable;
  return Fail(code, "cannot listen on {}: {}", FormatEndpoint(endpoint), error.message());
}

Result<void> Server::TakeSocket(int socket) {
  sockaddr address{};
  socklen_t length = sizeof(address);
  if (::getsockname(socket, &address, &length) != 0)
    return Fail(ErrorCode::kInvalidArgument, "what was handed over is no socket");
  error_code error;
  acceptor_->assign(address.sa_family == AF_INET6 ? tcp::v6() : tcp::v4(), socket, error);
  if (!error) acceptor_->non_blocking(true, error);
  if (!error) port_ = acceptor_->local_endpoint(error).port();
  if (error) return Fail(ErrorCode::kInvalidArgument, "the socket handed over: {}", error.message());
  listen_socket_ = socket;
  return {};
}

void Server::Start() {
  asio::co_spawn(loops_[0]->context(), AcceptLoop(), [](const std::exception_ptr& failure) {
    if (failure) LOG_ERROR("http.accept_failed", F("what", "exception"));
  });
  for (auto& loop : loops_) loop->StartThread();
}

Awaitable<void> Server::AcceptLoop() {
  asio::steady_timer pause(loops_[0]->context());
  bool short_of_descriptors = false;
  for (size_t next = 0; !state_.stopping; next = (next + 1) % loops_.size()) {
    ServerLoop& loop = *loops_[next];
    tcp::socket socket(loop.context());
    error_code error;
    co_await acceptor_->async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (!error) {  // also one that came as Stop was called: its client is waiting
      short_of_descriptors = false;
      HandOver(loop, std::move(socket));
    } else if (!state_.stopping && IsShortage(error)) {
      if (!short_of_descriptors) {
        state_.accept_pauses.fetch_add(1);
        LOG_WARN("http.accept_paused", F("why", error.message()), F("port", port_));
      }
      short_of_descriptors = true;
      pause.expires_after(kAcceptBackOff);
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
    // Any other error is of one connection that ended before it was accepted.
  }
}

void Server::HandOver(ServerLoop& loop, tcp::socket socket) {
  // Counted here, where all connections pass, so that the limit is exact with any number of loops.
  bool refuse = state_.open.load() >= state_.options.connections_max;
  if (refuse) {
    state_.refused.fetch_add(1);
  } else {
    state_.accepted.fetch_add(1);
    state_.open.fetch_add(1);
  }
  asio::dispatch(loop.context(), [&loop, refuse, socket = std::move(socket)]() mutable {
    loop.Add(std::move(socket), refuse);
  });
}

HttpServerCounters Server::counters() const {
  return {.connections_accepted = state_.accepted,
          .connections_refused = state_.refused,
          .connections_open = state_.open,
          .requests = state_.requests,
          .accept_pauses = state_.accept_pauses,
          .unreadable_heads = state_.unreadable_heads};
}

bool Server::WaitUntilEmpty(std::chrono::steady_clock::time_point deadline) {
  for (auto& loop : loops_) {
    if (!loop->WaitUntilEmpty(deadline)) return false;
  }
  return true;
}

void Server::Stop(std::chrono::milliseconds drain) {
  MutexLock lock(stop_mutex_);
  if (stopped_) return;
  stopped_ = true;
  auto deadline = std::chrono::steady_clock::now() + drain;
  state_.stopping = true;
  asio::post(loops_[0]->context(), [this] {
    error_code ignored;
    acceptor_->close(ignored);
  });
  WaitUntilEmpty(std::min(deadline, std::chrono::steady_clock::now() + state_.options.stop_grace));
  state_.closing_idle = true;
  for (auto& loop : loops_) asio::post(loop->context(), [loop = loop.get()] { loop->CloseIdle(); });
  if (!WaitUntilEmpty(deadline)) {
    for (auto& loop : loops_) asio::post(loop->context(), [loop = loop.get()] { loop->BreakAll(); });
    while (!WaitUntilEmpty(std::chrono::steady_clock::now() + kSlowHandlerWarning)) {
      LOG_WARN("http.stop_waits_for_handlers", F("open", state_.open.load()), F("port", port_));
    }
  }
  for (auto& loop : loops_) loop->Join();
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(HttpServerOptions options, Handler handler) {
  auto server = std::make_unique<Server>(std::move(options), std::move(handler));
  TRY(server->Bind());
  server->Start();
  return server;
}

}  // namespace beleg::net
