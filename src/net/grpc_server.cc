#include "net/grpc_server.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/bytes.h"
#include "base/log.h"
#include "net/signal.h"

namespace beleg::net {

namespace asio = boost::asio;

namespace {

constexpr size_t kPrefixBytes = 5;
// "Never" for options in which 0 is soonest.
constexpr std::chrono::hours kNever{24 * 365};

GrpcReply FailureOf(const Error& error) {
  GrpcStatus status = GrpcStatusOf(error);
  return GrpcFailure(status.code, std::move(status.message));
}

void AddStatus(HttpHeaders& fields, const GrpcReply& reply) {
  fields.Add("grpc-status", fmt::format("{}", static_cast<int>(reply.status.code)));
  if (!reply.status.message.empty()) fields.Add("grpc-message", EncodeGrpcMessage(reply.status.message));
  AddMetadata(fields, reply.trailers);
}

HttpResponse MakeHttpResponse(const GrpcReply& reply) {
  HttpResponse response;
  response.headers.Add("content-type", "application/grpc");
  if (reply.status.code == GrpcCode::kUnimplemented)
    response.headers.Add("grpc-accept-encoding", std::string(kGrpcEncodingsRead));
  AddMetadata(response.headers, reply.metadata);
  if (!reply.status.ok()) {
    AddStatus(response.headers, reply);  // the form "Trailers-Only"
    return response;
  }
  response.body = FrameGrpcMessage(reply.message, GrpcCompression::kNone);
  AddStatus(response.trailers, reply);
  return response;
}

// Takes the request's message out of it.
Result<GrpcCall> TakeCall(HttpRequest& request, size_t message_bytes_max) {
  GrpcCall call;
  auto timeout = request.headers.Get("grpc-timeout");
  if (timeout) {
    auto parsed = ParseGrpcTimeout(*timeout);
    if (!parsed) return Fail(ErrorCode::kInternal, "{}", parsed.error().message);
    constexpr std::chrono::nanoseconds kTimeoutMax = kNever;
    call.deadline = std::chrono::steady_clock::now() + std::min(*parsed, kTimeoutMax);
  }
  std::string encoding(request.headers.Get("grpc-encoding").value_or(""));
  TRY_ASSIGN(call.message, UnframeGrpcMessage(std::move(request.body), encoding, message_bytes_max));
  call.method = request.path();
  call.metadata = TakeMetadata(request.headers);
  call.peer = request.peer;
  return call;
}

Awaitable<void> SendReply(Exchange& exchange, GrpcReply reply) {
  HttpResponse response = MakeHttpResponse(reply);
  auto sent = co_await exchange.Reply(std::move(response));
  if (!sent) LOG_DEBUG("grpc.client_gone", F("peer", exchange.request().peer));
}

// What a call's handler and its deadline share: who is first answers.
struct Race {
  explicit Race(Exchange& of) : exchange(of), timer(of.executor()), late_reply_sent(of.executor()) {}
  Exchange& exchange;
  asio::steady_timer timer;
  Signal late_reply_sent;
  bool answered = false;
  bool too_late = false;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
};

void StartDeadline(const std::shared_ptr<Race>& race, std::chrono::steady_clock::time_point deadline) {
  race->timer.expires_at(deadline);
  race->timer.async_wait([race](const boost::system::error_code& error) {
    if (error || race->answered) return;
    race->answered = race->too_late = true;
    race->cancelled->store(true);
    asio::co_spawn(
        race->exchange.executor(),
        SendReply(race->exchange, GrpcFailure(GrpcCode::kDeadlineExceeded, "context deadline exceeded")),
        [race](const std::exception_ptr&) { race->late_reply_sent.Notify(); });
  });
}

Awaitable<void> RunCall(std::shared_ptr<const GrpcHandler> handler, GrpcCall call, Exchange& exchange) {
  auto race = std::make_shared<Race>(exchange);
  call.cancelled = race->cancelled;
  exchange.OnClientGone([cancelled = race->cancelled] { cancelled->store(true); });
  if (call.deadline) StartDeadline(race, *call.deadline);
  GrpcReply reply;
  try {
    reply = co_await (*handler)(std::move(call));
  } catch (const std::exception& error) {
    LOG_ERROR("grpc.handler_exception", F("what", error.what()));
    reply = GrpcFailure(GrpcCode::kInternal, "internal error");
  }
  if (race->too_late) {
    co_await race->late_reply_sent.Wait();
    co_return;
  }
  race->answered = true;
  race->timer.cancel();
  co_await SendReply(exchange, std::move(reply));
}

bool IsGrpc(const HttpHeaders& headers) {
  std::string_view type = headers.Get("content-type").value_or("");
  return type == "application/grpc" || type.starts_with("application/grpc+proto") ||
         type.starts_with("application/grpc;");
}

Awaitable<void> ServeExchange(std::shared_ptr<const GrpcHandler> handler, size_t message_bytes_max,
                              Exchange& exchange) {
  const HttpRequest& request = exchange.request();
  if (request.method != "POST" || !IsGrpc(request.headers)) {
    bool post = request.method == "POST";
    HttpResponse wrong = MakeResponse(post ? 415 : 405, "text/plain; charset=utf-8",
                                      "this port serves gRPC: POST with content-type application/grpc\n");
    auto sent = co_await exchange.Reply(std::move(wrong));
    if (!sent) LOG_DEBUG("grpc.client_gone", F("peer", request.peer));
    co_return;
  }
  auto call = TakeCall(exchange.mutable_request(), message_bytes_max);
  if (call) {
    co_await RunCall(std::move(handler), std::move(*call), exchange);
  } else {
    co_await SendReply(exchange, FailureOf(call.error()));
  }
}

// An answer of the HTTP server itself, in gRPC's words.
GrpcReply RefusalOf(int status, std::string message) {
  switch (status) {
    case 408: return GrpcFailure(GrpcCode::kDeadlineExceeded, std::move(message));
    case 413:
    case 431: return GrpcFailure(GrpcCode::kResourceExhausted, std::move(message));
    case 499: return GrpcFailure(GrpcCode::kCancelled, std::move(message));
    case 503: return GrpcFailure(GrpcCode::kUnavailable, std::move(message));
    default: return GrpcFailure(GrpcCode::kInternal, std::move(message));
  }
}

Awaitable<HttpResponse> RefuseCall(const HttpRequest& head, int status, std::string message,
                                   size_t message_bytes_max) {
  bool has_prefix = head.body.size() >= kPrefixBytes;
  if (status == 413 && has_prefix) message = GrpcTooLarge(GetBig32(head.body.data() + 1), message_bytes_max);
  co_return MakeHttpResponse(RefusalOf(status, std::move(message)));
}

HttpServerOptions MakeHttpOptions(const GrpcServerOptions& options) {
  HttpServerOptions http;
  http.listen = options.listen;
  http.threads = options.threads;
  http.connections_max = options.connections_max;
  http.body_bytes_max = options.message_bytes_max + kPrefixBytes;
  http.idle_timeout = options.idle_max.count() > 0 ? options.idle_max : kNever;
  http.http2 = {.only = true,
                .streams_max = options.calls_max,
                .unanswered_bytes_max = options.unanswered_bytes_max,
                .age_max = options.connection_age_max,
                .ping_interval = options.ping_interval,
                .ping_timeout = options.ping_timeout};
  http.tls = options.tls;
  http.make_error = [](int status, std::string message) {
    return MakeHttpResponse(RefusalOf(status, std::move(message)));
  };
  http.refuse_body = [max = options.message_bytes_max](const HttpRequest& head, int status,
                                                       std::string message) {
    return RefuseCall(head, status, std::move(message), max);
  };
  return http;
}

// What the worker and the coroutine that waits for it share.
struct Job {
  std::shared_ptr<const BlockingGrpcHandler> handler;
  GrpcCall call;
  asio::any_io_executor executor;
  std::move_only_function<void(GrpcReply)> done;
  GrpcReply reply;
};

void RunJob(Job& job) {
  try {
    job.reply = (*job.handler)(std::move(job.call));
  } catch (const std::exception& error) {
    LOG_ERROR("grpc.handler_exception", F("what", error.what()));
    job.reply = GrpcFailure(GrpcCode::kInternal, "internal error");
  }
}

// Resumes the coroutine on its own loop.
void CompleteJob(std::shared_ptr<Job> job) {
  auto executor = job->executor;
  asio::post(executor, [job = std::move(job)] {
    auto done = std::move(job->done);
    done(std::move(job->reply));
  });
}

void StartJob(WorkerPool& pool, const std::shared_ptr<Job>& job) {
  bool taken = pool.Run([job] {
    RunJob(*job);
    CompleteJob(job);
  });
  if (taken) return;
  job->reply = GrpcFailure(GrpcCode::kUnavailable, "too many calls are waiting");
  CompleteJob(job);
}

Awaitable<GrpcReply> CallOnPool(WorkerPool& pool, std::shared_ptr<const BlockingGrpcHandler> handler,
                                GrpcCall call) {
  auto job = std::make_shared<Job>();
  job->handler = std::move(handler);
  job->call = std::move(call);
  job->executor = co_await asio::this_coro::executor;
  auto start = [](auto completion, WorkerPool* to, std::shared_ptr<Job> what) {
    what->done = std::move(completion);
    StartJob(*to, what);
  };
  co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(GrpcReply)>(
      start, asio::use_awaitable, &pool, job);
}

}  // namespace

GrpcHandler OnPool(WorkerPool& pool, BlockingGrpcHandler handler) {
  auto shared = std::make_shared<const BlockingGrpcHandler>(std::move(handler));
  return [&pool, shared](GrpcCall call) { return CallOnPool(pool, shared, std::move(call)); };
}

GrpcReply UnknownMethod(std::string_view method) {
  size_t slash = method.rfind('/');
  if (slash == 0 || slash == std::string_view::npos || method.front() != '/') {
    return GrpcFailure(GrpcCode::kUnimplemented, fmt::format("malformed method name: \"{}\"", method));
  }
  return GrpcFailure(
      GrpcCode::kUnimplemented,
      fmt::format("unknown method {} for service {}", method.substr(slash + 1), method.substr(1, slash - 1)));
}

Handler ServeGrpc(GrpcHandler handler, size_t message_bytes_max) {
  auto shared = std::make_shared<const GrpcHandler>(std::move(handler));
  return [shared, message_bytes_max](Exchange& exchange) {
    return ServeExchange(shared, message_bytes_max, exchange);
  };
}

Result<std::unique_ptr<GrpcServer>> GrpcServer::Listen(GrpcServerOptions options, GrpcHandler handler) {
  TRY_ASSIGN(auto http, HttpServer::Listen(MakeHttpOptions(options),
                                           ServeGrpc(std::move(handler), options.message_bytes_max)));
  return std::make_unique<GrpcServer>(std::move(http));
}

}  // namespace beleg::net
