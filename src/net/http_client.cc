#include "net/http_client.h"

#include <atomic>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include "net/client_socket.h"
#include "net/http1.h"
#include "net/resolve.h"

namespace beleg::net {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

template <class T>
using Awaitable = asio::awaitable<T>;
using OnBody = std::function<bool(std::string_view)>;
using Time = std::chrono::steady_clock::time_point;

constexpr size_t kReadBytes = 64 << 10;
constexpr size_t kHeadBytesMax = 256 << 10;
constexpr int kInterimMax = 8;

bool MayBeRepeated(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS";
}

bool MayStandInRequestLine(std::string_view text) {
  if (text.empty()) return false;
  for (char c : text) {
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return true;
}

// What a look-up that outlives its Send (getaddrinfo cannot be interrupted) and the one who waits for it share.
struct LookUp {
  bool done = false;
  error_code error;
  std::vector<tcp::endpoint> found;
};

}  // namespace

class HttpClient::Impl {
 public:
  Impl(Url url, Options options)
      : url_(std::move(url)),
        options_(std::move(options)),
        where_(fmt::format("{}:{}", url_.host, url_.port)),
        scratch_(kReadBytes, '\0') {}

  Result<HttpResponse> Send(const HttpRequest& request, const OnBody& on_body);
  void Cancel();

 private:
  Awaitable<Result<HttpResponse>> Run(const HttpRequest& request, const OnBody& on_body);
  Awaitable<Result<HttpResponse>> RunOnce(const HttpRequest& request, const OnBody& on_body);
  Awaitable<Result<void>> Connect();
  Awaitable<Result<std::vector<tcp::endpoint>>> Resolve();
  Awaitable<Result<void>> Write(std::string_view head, std::string_view body);
  Awaitable<Result<ResponseHead>> ReadHead(std::string_view method);
  Awaitable<Result<ResponseHead>> ReadOneHead(std::string_view method);
  Awaitable<Result<void>> ReadBody(ResponseHead& head, const OnBody& on_body);
  Awaitable<Result<void>> ReadSized(ResponseHead& head, const OnBody& on_body);
  Awaitable<Result<void>> ReadChunked(ResponseHead& head, const OnBody& on_body);
  Awaitable<Result<void>> ReadUntilClose(ResponseHead& head, const OnBody& on_body);
  Awaitable<Result<void>> ReadMore();

  std::string FormatHead(const HttpRequest& request) const;
  Result<void> Deliver(ResponseHead& head, const OnBody& on_body, std::string_view piece);
  void SetDeadline(Time when);
  void Interrupt();
  std::unexpected<Error> Broken(std::string_view doing, const error_code& error) const;
  std::unexpected<Error> TooLarge() const;

  const Url url_;
  const Options options_;
  const std::string where_;
  asio::io_context context_{1};
  ClientSocket socket_{context_};
  tcp::resolver resolver_{context_};
  asio::steady_timer deadline_{context_};
  asio::steady_timer looked_up_{context_};
  std::string scratch_;
  std::string input_;
  bool got_bytes_ = false;  // of the answer
  bool stopped_by_caller_ = false;
  bool peer_closed_ = false;
  bool expired_ = false;
  std::atomic<bool> cancelled_ = false;
};

Result<HttpResponse> HttpClient::Impl::Send(const HttpRequest& request, const OnBody& on_body) {
  if (cancelled_) return Fail(ErrorCode::kCancelled, "{}: cancelled", where_);
  if (!MayStandInRequestLine(request.method) ||
      !(request.target.empty() || MayStandInRequestLine(request.target))) {
    return Fail(ErrorCode::kInvalidArgument, "{}: bad method or target \"{}\"", where_, request.target);
  }
  std::optional<Result<HttpResponse>> result;
  expired_ = false;
  asio::co_spawn(context_, Run(request, on_body),
                 [&result](const std::exception_ptr& failure, Result<HttpResponse> answer) {
                   if (failure) answer = Fail(ErrorCode::kInternal, "exception while a request was sent");
                   result = std::move(answer);
                 });
  context_.restart();
  while (!result) context_.run_one();
  deadline_.cancel();
  context_.poll();  // what ended with it; a look-up may go on
  if (!*result) socket_.Close();
  return std::move(*result);
}

Awaitable<Result<HttpResponse>> HttpClient::Impl::Run(const HttpRequest& request, const OnBody& on_body) {
  Time end = std::chrono::steady_clock::now() + options_.request_timeout;
  for (;;) {
    bool reused = socket_.IsIdle();
    if (!reused) {
      SetDeadline(std::min(end, std::chrono::steady_clock::now() + options_.connect_timeout));
      CO_TRY(co_await Connect());
    }
    SetDeadline(end);
    auto result = co_await RunOnce(request, on_body);
    bool closed_too_early =
        !result && result.error().code == ErrorCode::kUnavailable && reused && !got_bytes_;
    if (!closed_too_early || !MayBeRepeated(request.method)) co_return result;
    socket_.Close();
  }
}

Awaitable<Result<HttpResponse>> HttpClient::Impl::RunOnce(const HttpRequest& request, const OnBody& on_body) {
  got_bytes_ = stopped_by_caller_ = peer_closed_ = false;
  input_.clear();
  std::string request_head = FormatHead(request);
  auto written = co_await Write(request_head, request.body);
  if (!written && (cancelled_ || expired_)) co_return std::unexpected<Error>(std::move(written.error()));
  // A server that refuses a body answers and closes while we still send: its answer counts.
  auto head = co_await ReadHead(request.method);
  if (!head) co_return std::unexpected<Error>(std::move(head.error()));
  auto body = co_await ReadBody(*head, on_body);
  if (!body && !stopped_by_caller_) co_return std::unexpected<Error>(std::move(body.error()));
  if (!head->keep_alive || !written || !body || !input_.empty()) socket_.Close();
  co_return std::move(head->response);
}

Awaitable<Result<void>> HttpClient::Impl::Connect() {
  CO_TRY_ASSIGN(std::vector<tcp::endpoint> endpoints, co_await Resolve());
  error_code error = asio::error::host_not_found;
  for (const tcp::endpoint& endpoint : endpoints) {
    if (cancelled_ || expired_) break;
    error = co_await socket_.Connect(endpoint);
    if (!error) break;
  }
  if (error) co_return Broken("connect", error);
  if (!url_.tls) co_return Result<void>{};
  std::string why;
  error = co_await socket_.StartTls(*options_.tls, url_.host, why);
  if (!why.empty()) co_return Fail(ErrorCode::kUnavailable, "{}: TLS handshake: {}", where_, why);
  if (error) co_return Broken("shake hands", error);
  co_return Result<void>{};
}

Awaitable<Result<std::vector<tcp::endpoint>>> HttpClient::Impl::Resolve() {
  auto known = KnownAddresses(url_.host, url_.port);
  if (!known.empty()) co_return known;
  auto look_up = std::make_shared<LookUp>();
  looked_up_.expires_at(Time::max());
  resolver_.async_resolve(url_.host, fmt::format("{}", url_.port),
                          [look_up, this](error_code error, const tcp::resolver::results_type& found) {
                            look_up->done = true;
                            look_up->error = error;
                            look_up->found.assign(found.begin(), found.end());
                            looked_up_.cancel();
                          });
  error_code ignored;
  while (!look_up->done && !cancelled_ && !expired_) {
    co_await looked_up_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
  if (!look_up->done || look_up->error) co_return Broken("look up", look_up->error);
  co_return std::move(look_up->found);
}

Awaitable<Result<void>> HttpClient::Impl::Write(std::string_view head, std::string_view body) {
  error_code error = co_await socket_.Write(head, body);
  if (error) co_return Broken("write", error);
  co_return Result<void>{};
}

Awaitable<Result<ResponseHead>> HttpClient::Impl::ReadHead(std::string_view method) {
  for (int interim = 0; interim <= kInterimMax; ++interim) {
    auto head = co_await ReadOneHead(method);
    // 100 Continue, 103 Early Hints; 101 was not asked for.
    bool is_interim = head && head->response.status < 200 && head->response.status != 101;
    if (!is_interim) co_return head;
  }
  co_return Fail(ErrorCode::kDataLoss, "{}: more than {} interim answers", where_, kInterimMax);
}

Awaitable<Result<ResponseHead>> HttpClient::Impl::ReadOneHead(std::string_view method) {
  HeadScanner scanner;
  HeadScanner::State found = scanner.Scan(input_);
  while (found == HeadScanner::State::kMore) {
    if (input_.size() > kHeadBytesMax)
      co_return Fail(ErrorCode::kDataLoss, "{}: answer's head too large", where_);
    CO_TRY(co_await ReadMore());
    found = scanner.Scan(input_);
  }
  if (found == HeadScanner::State::kBad)
    co_return Fail(ErrorCode::kDataLoss, "{}: answer is not HTTP", where_);
  auto head = ParseResponseHead(std::string_view(input_).substr(0, scanner.size()), method);
  if (!head) co_return Fail(ErrorCode::kDataLoss, "{}: answer is not HTTP: {}", where_, head.error().message);
  input_.erase(0, scanner.size());
  co_return std::move(*head);
}

Awaitable<Result<void>> HttpClient::Impl::ReadBody(ResponseHead& head, const OnBody& on_body) {
  switch (head.body.kind) {
    case BodyFraming::Kind::kNone: co_return Result<void>{};
    case BodyFraming::Kind::kLength: co_return co_await ReadSized(head, on_body);
    case BodyFraming::Kind::kChunked: co_return co_await ReadChunked(head, on_body);
    case BodyFraming::Kind::kUntilClose: co_return co_await ReadUntilClose(head, on_body);
  }
  co_return Result<void>{};
}

Awaitable<Result<void>> HttpClient::Impl::ReadSized(ResponseHead& head, const OnBody& on_body) {
  uint64_t left = head.body.length;
  if (left > options_.response_bytes_max && !on_body) co_return TooLarge();
  while (left > 0) {
    if (input_.empty()) CO_TRY(co_await ReadMore());
    std::string piece = input_.substr(0, left);
    input_.erase(0, piece.size());
    left -= piece.size();
    CO_TRY(Deliver(head, on_body, piece));
  }
  co_return Result<void>{};
}

Awaitable<Result<void>> HttpClient::Impl::ReadChunked(ResponseHead& head, const OnBody& on_body) {
  ChunkedDecoder decoder;
  for (;;) {
    std::string piece;
    auto used = decoder.Decode(input_, piece);
    if (!used)
      co_return Fail(ErrorCode::kDataLoss, "{}: bad chunk in the answer: {}", where_, used.error().message);
    input_.erase(0, *used);
    CO_TRY(Deliver(head, on_body, piece));
    if (decoder.done()) co_return Result<void>{};
    CO_TRY(co_await ReadMore());
  }
}

Awaitable<Result<void>> HttpClient::Impl::ReadUntilClose(ResponseHead& head, const OnBody& on_body) {
  for (;;) {
    std::string piece = std::exchange(input_, {});
    CO_TRY(Deliver(head, on_body, piece));
    auto more = co_await ReadMore();
    if (!more && peer_closed_) co_return Result<void>{};
    CO_TRY(std::move(more));
  }
}

Awaitable<Result<void>> HttpClient::Impl::ReadMore() {
  error_code error;
  size_t bytes = co_await socket_.Read(scratch_.data(), scratch_.size(), error);
  peer_closed_ = error == asio::error::eof;
  if (error) co_return Broken("read", error);
  got_bytes_ = true;
  input_.append(scratch_, 0, bytes);
  co_return Result<void>{};
}

std::string HttpClient::Impl::FormatHead(const HttpRequest& request) const {
  std::string_view target = request.target.empty() ? url_.target : request.target;
  std::string out = fmt::format("{} {} HTTP/1.1\r\n", request.method, target);
  bool v6 = url_.host.find(':') != std::string::npos;
  std::string host = v6 ? fmt::format("[{}]", url_.host) : url_.host;
  if (url_.port != (url_.tls ? 443 : 80)) host += fmt::format(":{}", url_.port);
  HttpHeaders headers = request.headers;
  headers.Set("host", host);
  headers.Set("user-agent", "beleg");
  AppendFields(out, headers);
  bool tells_length = !request.body.empty() || request.method == "POST" || request.method == "PUT" ||
                      request.method == "PATCH";
  if (tells_length) AppendField(out, "content-length", fmt::format("{}", request.body.size()));
  out += "\r\n";
  return out;
}

// Hands a piece of the body to the caller, or keeps it.
Result<void> HttpClient::Impl::Deliver(ResponseHead& head, const OnBody& on_body, std::string_view piece) {
  if (piece.empty()) return {};
  bool to_caller = on_body && head.response.status >= 200 && head.response.status < 300;
  if (to_caller) {
    stopped_by_caller_ = !on_body(piece);
    if (stopped_by_caller_) return Fail(ErrorCode::kCancelled, "{}: ended by the caller", where_);
    return {};
  }
  if (head.response.body.size() + piece.size() > options_.response_bytes_max) return TooLarge();
  head.response.body += piece;
  return {};
}

void HttpClient::Impl::SetDeadline(Time when) {
  deadline_.expires_at(when);
  deadline_.async_wait([this, when](error_code error) {
    // An expiry that was under way when a later deadline was set does not count.
    if (error || deadline_.expiry() != when) return;
    expired_ = true;
    Interrupt();
  });
}

void HttpClient::Impl::Cancel() {
  cancelled_ = true;
  asio::post(context_, [this] { Interrupt(); });
}

// Ends whatever is awaited.
void HttpClient::Impl::Interrupt() {
  socket_.Close();
  looked_up_.cancel();
}

std::unexpected<Error> HttpClient::Impl::Broken(std::string_view doing, const error_code& error) const {
  if (cancelled_) return Fail(ErrorCode::kCancelled, "{}: cancelled", where_);
  if (expired_) return Fail(ErrorCode::kDeadlineExceeded, "{}: no answer in time ({})", where_, doing);
  if (error == asio::error::eof)
    return Fail(ErrorCode::kUnavailable, "{}: connection closed before the answer was complete", where_);
  return Fail(ErrorCode::kUnavailable, "{}: cannot {}: {}", where_, doing, error.message());
}

std::unexpected<Error> HttpClient::Impl::TooLarge() const {
  return Fail(ErrorCode::kResourceExhausted, "{}: answer larger than {} bytes", where_,
              options_.response_bytes_max);
}

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::Open(std::string_view url, Options options) {
  TRY_ASSIGN(Url parsed, ParseUrl(url));
  if (parsed.tls && !options.tls) {
    TRY_ASSIGN(options.tls, TlsContext::Client({}));
  }
  auto impl = std::make_unique<Impl>(std::move(parsed), std::move(options));
  return std::make_unique<HttpClient>(std::move(impl));
}

Result<HttpResponse> HttpClient::Send(const HttpRequest& request, const OnBody& on_body) {
  return impl_->Send(request, on_body);
}

Result<HttpResponse> HttpClient::Get(std::string target, HttpHeaders headers) {
  HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  request.headers = std::move(headers);
  return Send(request);
}

void HttpClient::Cancel() { impl_->Cancel(); }

}  // namespace beleg::net
