#include "net/grpc_client.h"

#include <algorithm>
#include <atomic>
#include <unordered_set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/log.h"
#include "base/rng.h"
#include "base/thread.h"
#include "net/grpc_connection.h"
#include "net/resolve.h"

namespace beleg::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using Time = SocketStream::Time;
using Clock = std::chrono::steady_clock;
using Millis = std::chrono::milliseconds;

namespace {

constexpr size_t kScratchBytes = 64 << 10;
constexpr Millis kWriteTimeout{60'000};
constexpr Millis kTickInterval{100};
constexpr double kBackoffFactor = 1.6;
constexpr double kJitter = 0.2;

// Uniform in [1 - kJitter, 1 + kJitter]: clients that lost one server do not come back together.
double JitterFactor() {
  uint16_t chance = 0;
  SystemRng().Fill(&chance, sizeof chance);
  return 1 - kJitter + 2 * kJitter * chance / UINT16_MAX;
}

class Client final : public GrpcClient {
 public:
  Client(Endpoint server, GrpcClientOptions options)
      : server_(std::move(server)),
        options_(std::move(options)),
        where_(fmt::format("{}:{}", server_.host, server_.port)),
        scratch_(kScratchBytes, '\0'),
        backoff_(options_.backoff_first) {
    thread_ = Thread("grpc-client", [this](const std::stop_token&) { context_.run(); });
  }
  ~Client() override;

  Result<GrpcReply> Call(std::string_view path, const HttpHeaders& metadata, std::string_view message,
                         Millis timeout) override;
  void Cancel() override;
  bool connected() const override { return connected_; }

 private:
  using ConnectionPtr = std::shared_ptr<GrpcConnection>;

  // All below: on the loop.
  void Start(const GrpcCallPtr& call);
  void Dispatch(const GrpcCallPtr& call);
  void Expire(const GrpcCallPtr& call);
  void Finish(const GrpcCallPtr& call, Result<GrpcReply> outcome);
  void CancelAll();
  asio::awaitable<void> Connect();
  asio::awaitable<Result<tcp::socket>> OpenSocket();
  asio::awaitable<Result<std::vector<tcp::endpoint>>> Resolve();
  asio::awaitable<Result<void>> SecureByTls(std::shared_ptr<SocketStream> stream);
  void Use(std::shared_ptr<SocketStream> stream);
  void ConnectionEnded(const ConnectionPtr& connection);
  void ConnectFailed(Error error);
  void ScheduleTick();
  std::unexpected<Error> Cancelled() const;

  const Endpoint server_;
  const GrpcClientOptions options_;
  const std::string where_;
  std::string scratch_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(context_);
  asio::steady_timer tick_{context_};
  asio::steady_timer connect_deadline_{context_};
  tcp::resolver resolver_{context_};
  std::optional<tcp::socket> connecting_socket_;
  std::shared_ptr<SocketStream> securing_;  // in its handshake
  bool ticking_ = false;
  bool connecting_ = false;
  bool connect_expired_ = false;

  ConnectionPtr current_;                          // for new calls
  std::unordered_set<ConnectionPtr> connections_;  // with those that only end their calls
  std::unordered_set<GrpcCallPtr> calls_;          // not finished
  std::vector<GrpcCallPtr> waiting_;               // for the connection
  Millis backoff_;
  Time retry_at_ = Time::min();
  std::string connect_error_;

  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> connected_ = false;
  Thread thread_;
};

Client::~Client() {
  Cancel();
  asio::post(context_, [this] {
    tick_.cancel();
    work_.reset();
  });
  thread_.Join();
}

Result<GrpcReply> Client::Call(std::string_view path, const HttpHeaders& metadata, std::string_view message,
                               Millis timeout) {
  if (cancelled_) return Cancelled();
  if (!path.starts_with('/'))
    return Fail(ErrorCode::kInvalidArgument, "\"{}\" is no method: \"/package.Service/Method\"", path);
  if (message.size() > UINT32_MAX) return Fail(ErrorCode::kInvalidArgument, "message larger than 4 GiB");
  auto call = std::make_shared<GrpcClientCall>(context_.get_executor());
  call->path = path;
  call->metadata = metadata;
  if (options_.compression == GrpcCompression::kNone) {
    call->framed = GrpcPrefix(false, message.size());
    call->message = message;
  } else {
    call->framed = FrameGrpcMessage(message, options_.compression);
  }
  call->deadline = Clock::now() + (timeout.count() > 0 ? timeout : options_.call_timeout);
  asio::post(context_, [this, call] { Start(call); });
  MutexLock lock(call->mutex);
  while (!call->outcome) call->done.Wait(call->mutex);
  return std::move(*call->outcome);
}

void Client::Cancel() {
  cancelled_ = true;
  asio::post(context_, [this] { CancelAll(); });
}

void Client::Start(const GrpcCallPtr& call) {
  bool too_many = calls_.size() >= options_.calls_max;
  calls_.insert(call);
  if (cancelled_) return Finish(call, Cancelled());
  if (too_many)
    return Finish(call, Fail(ErrorCode::kResourceExhausted, "{}: {} calls wait", where_, options_.calls_max));
  call->timer.expires_at(call->deadline);
  call->timer.async_wait([this, call](error_code error) {
    if (!error) Expire(call);
  });
  Dispatch(call);
}

void Client::Dispatch(const GrpcCallPtr& call) {
  if (call->finished) return;
  if (current_ && current_->usable()) return current_->Submit(call);
  current_ = nullptr;
  connected_ = false;
  if (!connecting_ && Clock::now() < retry_at_)
    return Finish(call, Fail(ErrorCode::kUnavailable, "{}", connect_error_));
  waiting_.push_back(call);
  if (connecting_) return;
  connecting_ = true;
  asio::co_spawn(context_, Connect(), [this](const std::exception_ptr& failure) {
    connecting_ = false;
    if (failure) ConnectFailed({ErrorCode::kInternal, "exception while connecting"});
    // What came while the connection was made, or is to be made again.
    for (const GrpcCallPtr& waiting : std::exchange(waiting_, {})) Dispatch(waiting);
  });
}

void Client::Expire(const GrpcCallPtr& call) {
  if (call->finished) return;
  for (const ConnectionPtr& connection : connections_) connection->Abandon(call);
  Finish(call, Fail(ErrorCode::kDeadlineExceeded, "{}: no answer in time", where_));
}

void Client::Finish(const GrpcCallPtr& call, Result<GrpcReply> outcome) {
  if (call->finished) return;
  call->finished = true;
  calls_.erase(call);
  call->timer.cancel();
  MutexLock lock(call->mutex);
  call->outcome = std::move(outcome);
  call->done.NotifyAll();
}

void Client::CancelAll() {
  resolver_.cancel();
  error_code ignored;
  if (connecting_socket_) connecting_socket_->close(ignored);
  if (securing_) securing_->Break();
  for (const ConnectionPtr& connection : std::unordered_set(connections_)) connection->Break();
  for (const GrpcCallPtr& call : std::unordered_set(calls_)) Finish(call, Cancelled());
}

asio::awaitable<void> Client::Connect() {
  connect_expired_ = false;
  connect_deadline_.expires_after(options_.connect_timeout);
  connect_deadline_.async_wait([this](error_code error) {
    if (error) return;
    connect_expired_ = true;
    resolver_.cancel();
    error_code ignored;
    if (connecting_socket_) connecting_socket_->close(ignored);
  });
  auto socket = co_await OpenSocket();
  connect_deadline_.cancel();
  connecting_socket_.reset();
  if (cancelled_) {
    ConnectFailed({ErrorCode::kCancelled, "cancelled"});
  } else if (!socket) {
    ConnectFailed(std::move(socket.error()));
  } else {
    auto stream = std::make_shared<SocketStream>(std::move(*socket), scratch_,
                                                 SocketStream::Limits{4 * kScratchBytes, kWriteTimeout});
    auto secured = co_await SecureByTls(stream);
    if (secured && !cancelled_) co_return Use(std::move(stream));
    stream->Close();
    ConnectFailed(secured ? Error{ErrorCode::kCancelled, "cancelled"} : std::move(secured.error()));
  }
}

asio::awaitable<Result<void>> Client::SecureByTls(std::shared_ptr<SocketStream> stream) {
  if (!options_.tls) co_return Result<void>{};
  securing_ = stream;
  connect_deadline_.expires_after(options_.connect_timeout);
  connect_deadline_.async_wait([stream](error_code error) {
    if (!error) stream->Break();
  });
  auto secured = co_await stream->StartTls(*options_.tls, kAlpnHttp2, server_.host, Time::max());
  connect_deadline_.cancel();
  securing_ = nullptr;
  if (secured) co_return secured;
  co_return Fail(ErrorCode::kUnavailable, "{}: {}", where_, secured.error().message);
}

asio::awaitable<Result<tcp::socket>> Client::OpenSocket() {
  CO_TRY_ASSIGN(std::vector<tcp::endpoint> endpoints, co_await Resolve());
  error_code error = asio::error::host_not_found;
  for (const tcp::endpoint& endpoint : endpoints) {
    if (connect_expired_ || cancelled_) break;
    connecting_socket_.emplace(context_);
    co_await connecting_socket_->async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
    if (!error) co_return std::move(*connecting_socket_);
  }
  if (connect_expired_) co_return Fail(ErrorCode::kUnavailable, "{}: cannot connect in time", where_);
  co_return Fail(ErrorCode::kUnavailable, "{}: cannot connect: {}", where_, error.message());
}

asio::awaitable<Result<std::vector<tcp::endpoint>>> Client::Resolve() {
  auto known = KnownAddresses(server_.host, server_.port);
  if (!known.empty()) co_return known;
  error_code error;
  auto found = co_await resolver_.async_resolve(server_.host, fmt::format("{}", server_.port),
                                                asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return Fail(ErrorCode::kUnavailable, "{}: cannot look up: {}", where_, error.message());
  co_return std::vector<tcp::endpoint>(found.begin(), found.end());
}

void Client::Use(std::shared_ptr<SocketStream> stream) {
  GrpcConnection::Events events{
      .finish = [this](const GrpcCallPtr& call,
                       Result<GrpcReply> outcome) { Finish(call, std::move(outcome)); },
      // Not inside the callback of the connection that gave it back.
      .retry = [this](const GrpcCallPtr& call) { asio::post(context_, [this, call] { Dispatch(call); }); }};
  current_ = std::make_shared<GrpcConnection>(std::move(stream), context_.get_executor(), where_, options_,
                                              std::move(events));
  connected_ = true;
  connections_.insert(current_);
  ScheduleTick();
  asio::co_spawn(context_, current_->Run(), [this, connection = current_](const std::exception_ptr& failure) {
    if (failure) LOG_ERROR("grpc.connection_failed", F("server", where_));
    ConnectionEnded(connection);
  });
}

void Client::ConnectionEnded(const ConnectionPtr& connection) {
  connections_.erase(connection);
  bool greeted = connection->greeted();
  if (greeted) backoff_ = options_.backoff_first;
  if (current_ != connection) return;
  current_ = nullptr;
  connected_ = false;
  if (!greeted) ConnectFailed({ErrorCode::kUnavailable, fmt::format("{}: does not speak HTTP/2", where_)});
}

void Client::ConnectFailed(Error error) {
  connect_error_ = error.message;
  auto pause = std::chrono::duration_cast<Millis>(backoff_ * JitterFactor());
  retry_at_ = Clock::now() + pause;
  backoff_ = std::min(std::chrono::duration_cast<Millis>(backoff_ * kBackoffFactor), options_.backoff_max);
  LOG_DEBUG("grpc.connect_failed", F("why", connect_error_), F("next_ms", pause.count()));
  for (const GrpcCallPtr& call : std::exchange(waiting_, {}))
    Finish(call, std::unexpected<Error>(Error{error.code, error.message}));
}

void Client::ScheduleTick() {
  if (ticking_) return;
  ticking_ = true;
  tick_.expires_after(kTickInterval);
  tick_.async_wait([this](error_code) {
    ticking_ = false;
    Time now = Clock::now();
    for (const ConnectionPtr& connection : std::unordered_set(connections_)) connection->Tick(now);
    if (!connections_.empty()) ScheduleTick();
  });
}

std::unexpected<Error> Client::Cancelled() const {
  return Fail(ErrorCode::kCancelled, "{}: cancelled", where_);
}

}  // namespace

Result<std::unique_ptr<GrpcClient>> GrpcClient::Open(std::string_view target, GrpcClientOptions options) {
  std::string_view authority = target;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (authority.starts_with(scheme)) authority.remove_prefix(scheme.size());
  }
  if (target.starts_with("https://") && !options.tls) {
    TRY_ASSIGN(options.tls, TlsContext::Client({}));
  }
  while (authority.ends_with('/')) authority.remove_suffix(1);
  TRY_ASSIGN(Endpoint server, ParseEndpoint(authority));
  if (server.host.empty()) server.host = "localhost";
  if (server.port == 0) return Fail(ErrorCode::kInvalidArgument, "\"{}\" has no port", target);
  return std::make_unique<Client>(std::move(server), std::move(options));
}

}  // namespace beleg::net
