#include "net/http_exchange.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::net {

HttpExchange::HttpExchange(SocketStream& stream, RequestHead head, bool keep_alive,
                           boost::asio::any_io_executor executor)
    : stream_(stream), head_(std::move(head)), keep_alive_(keep_alive), executor_(std::move(executor)) {}

Awaitable<Result<void>> HttpExchange::Reply(HttpResponse response) {
  CHECK(state_ == State::kFresh, "a request is answered once");
  state_ = State::kStreaming;
  // To HEAD the length is told, the body is not sent; 204 and 304 have neither (RFC 9110 §8.6).
  std::string field;
  bool no_body = HasNoBody(response.status);
  if (!no_body || head_.request.method == "HEAD")
    field = fmt::format("content-length: {}\r\n", response.body.size());
  if (no_body) response.body.clear();
  std::string head = FormatHead(response.status, response.headers, field);
  CO_TRY(co_await stream_.Write(head, response.body));
  Complete();
  co_return Result<void>{};
}

Awaitable<Result<void>> HttpExchange::StartStream(int status, HttpHeaders headers) {
  CHECK(state_ == State::kFresh, "a request is answered once");
  state_ = State::kStreaming;
  std::string field;
  auto length = headers.Get("content-length");
  auto length_bytes = ParseUint64(length.value_or(""));
  if (length_bytes) {
    framing_ = Framing::kLength;
    length_left_ = *length_bytes;
    field = fmt::format("content-length: {}\r\n", *length_bytes);
  } else if (head_.http_1_0) {
    framing_ = Framing::kClose;
    keep_alive_ = false;
  } else {
    framing_ = Framing::kChunked;
    field = "transfer-encoding: chunked\r\n";
  }
  if (HasNoBody(status)) {
    framing_ = Framing::kNone;
    if (head_.request.method != "HEAD") field.clear();
  }
  std::string head = FormatHead(status, headers, field);
  co_return co_await stream_.Write(head);
}

Awaitable<Result<void>> HttpExchange::Write(std::string_view bytes) {
  CHECK(state_ == State::kStreaming, "Write comes after StartStream and before EndStream");
  // An empty chunk would end the body.
  if (bytes.empty() || framing_ == Framing::kNone) {
    if (stream_.ended()) co_return Fail(ErrorCode::kCancelled, "the client is gone");
    co_return Result<void>{};
  }
  if (framing_ == Framing::kChunked) {
    std::string size = fmt::format("{:x}\r\n", bytes.size());
    co_return co_await stream_.Write(size, bytes, "\r\n");
  }
  if (framing_ == Framing::kLength) {
    if (bytes.size() > length_left_)
      co_return Fail(ErrorCode::kInternal, "the answer is longer than its content-length");
    length_left_ -= bytes.size();
  }
  co_return co_await stream_.Write(bytes);
}

Awaitable<Result<void>> HttpExchange::EndStream() {
  CHECK(state_ == State::kStreaming, "EndStream comes after StartStream");
  if (length_left_ > 0 && framing_ == Framing::kLength) {
    co_return Fail(ErrorCode::kInternal, "the answer is {} bytes shorter than its content-length",
                   length_left_);
  }
  if (framing_ == Framing::kChunked) {
    CO_TRY(co_await stream_.Write("0\r\n\r\n"));
  } else if (stream_.ended()) {
    co_return Fail(ErrorCode::kCancelled, "the client is gone");
  }
  Complete();
  co_return Result<void>{};
}

void HttpExchange::OnClientGone(std::function<void()> callback) {
  if (state_ == State::kComplete) return;
  if (!stream_.ended()) return stream_.OnEnd(std::move(callback));
  if (callback) callback();
}

std::string HttpExchange::FormatHead(int status, const HttpHeaders& headers, std::string_view framing_field) {
  if (headers.HasToken("connection", "close")) keep_alive_ = false;
  std::string out = FormatStatusLine(status);
  AppendFields(out, headers);
  out += framing_field;
  if (!keep_alive_) {
    out += "connection: close\r\n";
  } else if (head_.http_1_0) {
    out += "connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

bool HttpExchange::HasNoBody(int status) const {
  return head_.request.method == "HEAD" || status < 200 || status == 204 || status == 304;
}

void HttpExchange::Complete() {
  state_ = State::kComplete;
  stream_.OnEnd({});
}

}  // namespace beleg::net
