#include "net/http_connection.h"

#include <fmt/format.h>

#include "base/log.h"

namespace beleg::net {
namespace {

using Clock = std::chrono::steady_clock;
using Input = SocketStream::Input;

// Not a status of HTTP: the connection ended or timed out before there was anything to answer.
constexpr int kNothingToAnswer = 0;
// The client's first bytes in HTTP/2 (RFC 9113 §3.4).
constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// For how many bytes a client that still sends may read its last answer.
constexpr size_t kLingerBytesMax = 4 << 20;

std::unexpected<Http1Error> Bad(int status, std::string message) {
  return std::unexpected<Http1Error>(Http1Error{status, std::move(message)});
}

std::unexpected<Http1Error> TooLarge(size_t bytes_max) {
  return Bad(413, fmt::format("body larger than {} bytes", bytes_max));
}

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<SocketStream> stream, std::string peer,
                               boost::asio::any_io_executor executor, HttpServerState& state)
    : stream_(std::move(stream)), peer_(std::move(peer)), executor_(std::move(executor)), state_(state) {}

Awaitable<void> HttpConnection::Run(std::shared_ptr<HttpConnection> self, bool refuse) {
  auto secured = co_await self->SecureByTls();
  if (!secured) {
    LOG_DEBUG("http.tls_failed", F("peer", self->peer_), F("why", secured.error().message));
    self->stream_->Close();
    co_return;
  }
  self->stream_->Start();
  if (refuse) {
    HttpResponse response = self->state_.MakeError(503, "too many connections");
    response.headers.Set("retry-after", "1");
    co_await self->SendLast(std::move(response));
  } else if (co_await self->IsHttp2()) {
    co_await self->ServeHttp2();
  } else if (!self->state_.options.http2.only) {
    while (co_await self->ServeOne()) self->first_ = false;
    if (!self->stream_->ended() && !self->stream_->input().empty()) co_await self->Linger();
  }
  self->stream_->Close();
}

void HttpConnection::CloseIfIdle() {
  if (http2_) return http2_->Drain();
  if (idle_) stream_->Close();
}

void HttpConnection::Tick(SocketStream::Time now) {
  stream_->Tick(now);
  // What breaks the stream resumes Run here and now, which lets go of it.
  if (std::shared_ptr<Http2Connection> http2 = http2_) http2->Tick(now);
}

Awaitable<Result<void>> HttpConnection::SecureByTls() {
  if (!state_.options.tls) co_return Result<void>{};
  const Http2Options& http2 = state_.options.http2;
  std::string_view offers = kAlpnHttp1;
  if (http2.enabled) offers = http2.only ? kAlpnHttp2 : kAlpnBoth;
  idle_ = true;
  SocketStream::Time deadline = Clock::now() + state_.options.head_timeout;
  std::string no_host;
  co_return co_await stream_->StartTls(*state_.options.tls, offers, no_host, deadline);
}

// Waits until the first bytes tell.
Awaitable<bool> HttpConnection::IsHttp2() {
  SocketStream::Time deadline = Clock::now() + state_.options.head_timeout;
  idle_ = true;
  Input more = Input::kBytes;
  while (more == Input::kBytes && state_.options.http2.enabled) {
    std::string_view input = stream_->input();
    if (input.starts_with(kHttp2Preface)) co_return true;
    if (!kHttp2Preface.starts_with(input)) co_return false;
    more = co_await stream_->MoreInput(deadline);
  }
  co_return false;
}

Awaitable<void> HttpConnection::ServeHttp2() {
  http2_ = std::make_shared<Http2Connection>(*stream_, peer_, executor_, state_);
  co_await http2_->Run();
  http2_.reset();
}

// One request and its answer; false when the connection must end.
Awaitable<bool> HttpConnection::ServeOne() {
  auto head = co_await ReadHead();
  if (!head) {
    co_await RefuseHead(std::move(head.error()));
    co_return false;
  }
  state_.requests.fetch_add(1, std::memory_order_relaxed);
  head->request.peer = peer_;
  BodiesShare share(state_);
  auto body = co_await ReadBody(*head, share);
  if (!body) {
    co_await RefuseBody(head->request, share, std::move(body.error()));
    co_return false;
  }
  bool keep_alive = head->keep_alive && !state_.stopping;
  HttpExchange exchange(*stream_, std::move(*head), keep_alive, executor_);
  co_await RunHandler(exchange);
  if (!exchange.complete() && exchange.ends_by_close()) stream_->Abort();
  co_return exchange.keeps_connection();
}

Awaitable<Http1Result<RequestHead>> HttpConnection::ReadHead() {
  const HttpServerOptions& options = state_.options;
  SocketStream::Time deadline = Clock::now() + (first_ ? options.head_timeout : options.idle_timeout);
  HeadScanner scanner;
  idle_ = true;
  for (;;) {
    // Some clients send an empty line after a body (RFC 9112 §2.2).
    while (idle_ && stream_->input().starts_with("\r\n")) stream_->Consume(2);
    std::string_view input = stream_->input();
    if (idle_ && !input.empty() && input != "\r") {
      idle_ = false;
      if (!first_) deadline = Clock::now() + options.head_timeout;
    }
    HeadScanner::State found = idle_ ? HeadScanner::State::kMore : scanner.Scan(input);
    if (found == HeadScanner::State::kBad)
      co_return Bad(400, "a line that does not end in CR LF, or a control character");
    bool whole = found == HeadScanner::State::kDone;
    if ((whole ? scanner.size() : input.size()) > options.head_bytes_max) {
      co_return Bad(431, fmt::format("request head larger than {} bytes", options.head_bytes_max));
    }
    if (whole) {
      auto head = ParseRequestHead(input.substr(0, scanner.size()));
      if (head) stream_->Consume(scanner.size());
      co_return head;
    }
    if (idle_ && state_.closing_idle) co_return Bad(kNothingToAnswer, "stopping");
    Input more = co_await stream_->MoreInput(deadline);
    if (more == Input::kBytes) continue;
    if (idle_ || more == Input::kEnd) co_return Bad(kNothingToAnswer, "closed");
    co_return Bad(408, "the request head did not come in time");
  }
}

Awaitable<Http1Result<void>> HttpConnection::ReadBody(RequestHead& head, BodiesShare& share) {
  if (head.body.kind == BodyFraming::Kind::kNone) co_return Http1Result<void>{};
  if (head.body.length > state_.options.body_bytes_max) co_return TooLarge(state_.options.body_bytes_max);
  if (head.expects_continue && stream_->input().empty()) {
    auto sent = co_await stream_->Write("HTTP/1.1 100 Continue\r\n\r\n");
    if (!sent) co_return Bad(kClientGone, "client gone before its body");
  }
  SocketStream::Time deadline = Clock::now() + state_.options.body_timeout;
  if (head.body.kind == BodyFraming::Kind::kChunked)
    co_return co_await ReadChunked(head.request.body, share, deadline);
  co_return co_await ReadSized(head.request.body, head.body.length, share, deadline);
}

Awaitable<Http1Result<void>> HttpConnection::ReadSized(std::string& body, uint64_t length, BodiesShare& share,
                                                       SocketStream::Time deadline) {
  body.reserve(std::min(length, kBodyReserveMax));
  for (;;) {
    std::string_view input = stream_->input().substr(0, length - body.size());
    body.append(input);
    bool has_room = share.Take(input.size());
    stream_->Consume(input.size());
    if (!has_room) co_return Bad(503, std::string(kTooManyBodies));
    if (body.size() == length) co_return Http1Result<void>{};
    auto more = co_await MoreBody(deadline);
    if (!more) co_return more;
  }
}

Awaitable<Http1Result<void>> HttpConnection::ReadChunked(std::string& body, BodiesShare& share,
                                                         SocketStream::Time deadline) {
  const size_t bytes_max = state_.options.body_bytes_max;
  ChunkedDecoder decoder;
  for (;;) {
    auto used = decoder.Decode(stream_->input(), body);
    if (!used) co_return std::unexpected<Http1Error>(std::move(used.error()));
    if (body.size() + decoder.announced() > bytes_max) co_return TooLarge(bytes_max);
    if (!share.Take(body.size() - share.bytes())) co_return Bad(503, std::string(kTooManyBodies));
    stream_->Consume(*used);
    if (decoder.done()) co_return Http1Result<void>{};
    auto more = co_await MoreBody(deadline);
    if (!more) co_return more;
  }
}

Awaitable<Http1Result<void>> HttpConnection::MoreBody(SocketStream::Time deadline) {
  Input more = co_await stream_->MoreInput(deadline);
  if (more == Input::kTimeout) co_return Bad(408, "the request body did not come in time");
  if (more == Input::kEnd) co_return Bad(kClientGone, "client gone while sending its body");
  co_return Http1Result<void>{};
}

Awaitable<void> HttpConnection::RunHandler(HttpExchange& exchange) {
  bool failed = false;
  try {
    co_await state_.handler(exchange);
  } catch (const std::exception& error) {
    failed = true;
    LOG_ERROR("http.handler_exception", F("what", error.what()));
  }
  if (exchange.complete() || exchange.client_gone()) co_return;
  if (!failed) LOG_ERROR("http.handler_no_answer", F("started", exchange.started()));
  if (exchange.started()) co_return;
  auto sent = co_await exchange.Reply(state_.MakeError(500, "internal error"));
  if (!sent) LOG_DEBUG("http.client_gone", F("peer", peer_));
}

Awaitable<void> HttpConnection::RefuseHead(Http1Error error) {
  if (!idle_) state_.unreadable_heads.fetch_add(1, std::memory_order_relaxed);
  if (error.status == kNothingToAnswer) co_return;
  co_await SendLast(state_.MakeError(error.status, std::move(error.message)));
}

Awaitable<void> HttpConnection::RefuseBody(HttpRequest& head, BodiesShare& share, Http1Error error) {
  HttpResponse response;
  if (state_.options.refuse_body) {
    response = co_await state_.options.refuse_body(head, error.status, std::move(error.message));
  } else {
    response = state_.MakeError(error.status, std::move(error.message));
  }
  // The client may take its time over the answer.
  head.body = {};
  share.Return(share.bytes());
  if (error.status != kClientGone) co_await SendLast(std::move(response));
}

// The last answer on a connection whose input was not read to its end.
Awaitable<void> HttpConnection::SendLast(HttpResponse response) {
  std::string head = FormatStatusLine(response.status);
  AppendFields(head, response.headers);
  AppendField(head, "content-length", fmt::format("{}", response.body.size()));
  head += "connection: close\r\n\r\n";
  auto sent = co_await stream_->Write(head, response.body);
  if (sent) co_await Linger();
}

// Closing with input unread would reset the connection, and the client lose an answer it has not read (RFC 9112 §9.6).
Awaitable<void> HttpConnection::Linger() {
  stream_->ShutdownWrite();
  SocketStream::Time deadline = Clock::now() + kLingerTime;
  size_t dropped = 0;
  Input more = Input::kBytes;
  while (more == Input::kBytes && dropped < kLingerBytesMax) {
    size_t bytes = stream_->input().size();
    dropped += bytes;
    stream_->Consume(bytes);
    more = co_await stream_->MoreInput(deadline);
  }
}

}  // namespace beleg::net
