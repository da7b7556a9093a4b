#include "net/http2_exchange.h"

#include <cstring>

#include "base/check.h"

namespace beleg::net {

namespace {

std::unexpected<Error> Gone() { return Fail(ErrorCode::kCancelled, "the client is gone"); }

}  // namespace

Http2Exchange::Http2Exchange(Http2Pump& pump, int32_t stream_id, std::string peer,
                             boost::asio::any_io_executor executor)
    : pump_(pump), stream_id_(stream_id), executor_(executor), taken_(executor) {
  request_.peer = std::move(peer);
}

Awaitable<Result<void>> Http2Exchange::Reply(HttpResponse response) {
  CHECK(state_ == State::kFresh, "a request is answered once");
  Http2Fields fields;
  fields.Add(":status", fmt::format("{}", response.status));
  fields.AddAll(response.headers);
  bool no_body = HasNoBody(response.status);
  trailers_.AddAll(response.trailers);
  bool has_trailers = !response.trailers.fields().empty();
  if (!has_trailers && !response.headers.Get("content-length") && (!no_body || request_.method == "HEAD"))
    fields.Add("content-length", fmt::format("{}", response.body.size()));
  bool only_head = no_body || (response.body.empty() && !has_trailers);
  CO_TRY(SubmitHead(response.status, std::move(fields), !only_head));
  if (only_head) {
    Complete();
    pump_.Flush();
    co_return Result<void>{};
  }
  co_return co_await Send(response.body, true);
}

Awaitable<Result<void>> Http2Exchange::StartStream(int status, HttpHeaders headers) {
  CHECK(state_ == State::kFresh, "a request is answered once");
  Http2Fields fields;
  fields.Add(":status", fmt::format("{}", status));
  fields.AddAll(headers);
  no_body_ = HasNoBody(status);
  CO_TRY(SubmitHead(status, std::move(fields), !no_body_));
  pump_.Flush();
  co_return Result<void>{};
}

Awaitable<Result<void>> Http2Exchange::Write(std::string_view bytes) {
  CHECK(state_ == State::kStreaming, "Write comes after StartStream and before EndStream");
  if (gone_) co_return Gone();
  if (bytes.empty() || no_body_) co_return Result<void>{};
  co_return co_await Send(bytes, false);
}

Awaitable<Result<void>> Http2Exchange::EndStream() {
  CHECK(state_ == State::kStreaming, "EndStream comes after StartStream");
  if (gone_) co_return Gone();
  if (no_body_) {
    Complete();
    co_return Result<void>{};
  }
  co_return co_await Send("", true);
}

Result<void> Http2Exchange::SubmitHead(int status, Http2Fields fields, bool with_body) {
  if (gone_) return Gone();
  state_ = State::kStreaming;
  nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = &Http2Exchange::Read};
  const auto& list = fields.list();
  int failed = nghttp2_submit_response(pump_.session(), stream_id_, list.data(), list.size(),
                                       with_body ? &provider : nullptr);
  if (failed == 0) return {};
  return Fail(ErrorCode::kInternal, "answer with status {}: {}", status, nghttp2_strerror(failed));
}

// Waits until the connection has taken the bytes.
Awaitable<Result<void>> Http2Exchange::Send(std::string_view bytes, bool last) {
  if (gone_) co_return Gone();
  pending_ = bytes;
  last_ = last;
  stuck_since_ = std::chrono::steady_clock::now();
  // Fails, without harm, while the head itself is still waiting: its DATA is read once that is out.
  nghttp2_session_resume_data(pump_.session(), stream_id_);
  pump_.Flush();
  while (!gone_ && state_ != State::kComplete && (last_ || !pending_.empty())) co_await taken_.Wait();
  stuck_since_.reset();
  pending_ = {};
  if (state_ == State::kComplete || !gone_) co_return Result<void>{};
  co_return Gone();
}

ssize_t Http2Exchange::Read(nghttp2_session*, int32_t, uint8_t* out, size_t size, uint32_t* flags,
                            nghttp2_data_source* source, void*) {
  return static_cast<Http2Exchange*>(source->ptr)->ReadPending(out, size, flags);
}

ssize_t Http2Exchange::ReadPending(uint8_t* out, size_t size, uint32_t* flags) {
  if (pending_.empty() && !last_) return NGHTTP2_ERR_DEFERRED;
  size_t bytes = std::min(size, pending_.size());
  std::memcpy(out, pending_.data(), bytes);
  pending_.remove_prefix(bytes);
  if (stuck_since_) stuck_since_ = std::chrono::steady_clock::now();
  if (!pending_.empty()) return static_cast<ssize_t>(bytes);
  taken_.Notify();
  if (!last_) return static_cast<ssize_t>(bytes);
  *flags |= NGHTTP2_DATA_FLAG_EOF;
  const auto& trailers = trailers_.list();
  if (!trailers.empty()) {
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(pump_.session(), stream_id_, trailers.data(), trailers.size());
  }
  Complete();
  return static_cast<ssize_t>(bytes);
}

void Http2Exchange::OnClientGone(std::function<void()> callback) {
  if (state_ == State::kComplete) return;
  on_gone_ = std::move(callback);
  if (gone_ && on_gone_) std::exchange(on_gone_, nullptr)();
}

void Http2Exchange::AddField(std::string_view name, std::string_view value) {
  constexpr size_t kFieldCost = 32;
  head_bytes_ += name.size() + value.size() + kFieldCost;
  if (name == ":method") {
    request_.method = value;
  } else if (name == ":path") {
    request_.target = value;
  } else if (name == ":authority") {
    request_.headers.Set("host", std::string(value));
  } else if (name == "cookie") {
    // A client may send each crumb by itself (RFC 9113 §8.2.3).
    if (!cookies_.empty()) cookies_ += "; ";
    cookies_ += value;
  } else if (!name.starts_with(':') && !(name == "host" && request_.headers.Get("host"))) {
    request_.headers.Add(std::string(name), std::string(value));
  }
}

void Http2Exchange::EndHead() {
  if (!cookies_.empty()) request_.headers.Add("cookie", std::move(cookies_));
}

void Http2Exchange::SetGone() {
  if (gone_) return;
  gone_ = true;
  taken_.Notify();
  if (state_ == State::kComplete) return;
  auto callback = std::exchange(on_gone_, nullptr);
  if (callback) callback();
}

void Http2Exchange::Reset(uint32_t error_code) {
  nghttp2_submit_rst_stream(pump_.session(), NGHTTP2_FLAG_NONE, stream_id_, error_code);
  pump_.Flush();
}

bool Http2Exchange::HasNoBody(int status) const {
  return request_.method == "HEAD" || status < 200 || status == 204 || status == 304;
}

void Http2Exchange::Complete() {
  state_ = State::kComplete;
  on_gone_ = nullptr;
}

}  // namespace beleg::net
