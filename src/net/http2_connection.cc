#include "net/http2_connection.h"

#include <boost/asio/co_spawn.hpp>

#include "base/bytes.h"
#include "base/check.h"
#include "base/log.h"
#include "base/rng.h"

namespace beleg::net {

namespace asio = boost::asio;
using Time = SocketStream::Time;
using Clock = std::chrono::steady_clock;

namespace {

// What the client sent before it could see the first GOAWAY has come by then, even without its answer to the ping.
constexpr std::chrono::milliseconds kNoticeTime{1'000};

// The body's bytes as the head says them, or as a gRPC message does that begins with `first`; 0: unsaid.
uint64_t AnnouncedBytes(const HttpRequest& head, std::string_view first) {
  constexpr size_t kGrpcPrefixBytes = 5;
  if (auto length = head.headers.Get("content-length")) return ParseUint64(*length).value_or(0);
  const bool grpc = head.headers.Get("content-type").value_or("").starts_with("application/grpc");
  if (!grpc || first.size() < kGrpcPrefixBytes) return 0;
  return kGrpcPrefixBytes + uint64_t{GetBig32(first.data() + 1)};
}

Http2Connection& Of(void* user) { return *static_cast<Http2Connection*>(user); }

}  // namespace

Http2Connection::Http2Connection(SocketStream& stream, std::string peer, asio::any_io_executor executor,
                                 HttpServerState& state)
    : stream_(stream),
      peer_(std::move(peer)),
      executor_(executor),
      state_(state),
      pump_(stream, executor),
      all_ended_(executor),
      unanswered_(state),
      last_used_(Clock::now()),
      last_input_(last_used_) {}

Awaitable<void> Http2Connection::Run() {
  Begin();
  stream_.OnEnd([this] {
    for (auto& [id, request] : std::map(open_)) request->exchange.SetGone();
  });
  if (state_.closing_idle) Drain();
  co_await pump_.Run([this] { StartReady(); });
  // Requests whose body never came: their client is gone.
  for (auto& [id, request] : std::exchange(open_, {})) {
    request->exchange.SetGone();
    if (request->head_ended && !request->handed_over) {
      Refuse(*request, kClientGone, "client gone while sending its body");
      HandOver(request);
    }
  }
  StartReady();
  stream_.OnEnd({});
  while (running_ > 0) co_await all_ended_.Wait();
}

void Http2Connection::Begin() {
  nghttp2_session_callbacks* callbacks = MakeCallbacks();
  pump_.OpenServer(callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  const HttpServerOptions& options = state_.options;
  pump_.SubmitSettings(
      {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<uint32_t>(options.http2.streams_max)},
       {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<uint32_t>(options.head_bytes_max)}});
  if (options.http2.age_max.count() > 0) {
    // Clients that connected together do not come back together.
    int64_t tenth = options.http2.age_max.count() / 10;
    uint32_t chance = 0;
    SystemRng().Fill(&chance, sizeof chance);
    int64_t spread = chance % (2 * tenth + 1) - tenth;
    too_old_ = last_used_ + options.http2.age_max + std::chrono::milliseconds(spread);
  }
}

Http2Connection::RequestPtr Http2Connection::Find(int32_t id) {
  auto found = open_.find(id);
  return found == open_.end() ? nullptr : found->second;
}

nghttp2_session_callbacks* Http2Connection::MakeCallbacks() {
  nghttp2_session_callbacks* callbacks = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0, "out of memory");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &OnBeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &OnFrameSent);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnStreamClosed);
  return callbacks;
}

int Http2Connection::OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  Http2Connection& self = Of(user);
  if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  int32_t id = frame->hd.stream_id;
  if (std::max(self.running_, self.open_.size()) >= self.state_.options.http2.streams_max)
    return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
  self.open_.emplace(id, std::make_shared<Request>(self.pump_, id, self.peer_, self.executor_));
  return 0;
}

int Http2Connection::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                              size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                              void* user) {
  RequestPtr request = Of(user).Find(frame->hd.stream_id);
  if (!request || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // trailers are dropped
  if (request->exchange.head_bytes() > Of(user).state_.options.head_bytes_max) return 0;
  request->exchange.AddField(AsView(name, name_size), AsView(value, value_size));
  return 0;
}

int Http2Connection::OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  Http2Connection& self = Of(user);
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) {
    self.ping_sent_.reset();
    if (self.draining_ == Draining::kNoticed) self.SubmitFinalGoaway();
    return 0;
  }
  if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
  RequestPtr request = self.Find(frame->hd.stream_id);
  if (!request) return 0;
  bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  request->whole = request->whole || ends;
  if (!request->head_ended) self.TakeHead(*request);
  if (request->head_ended && !ends && frame->hd.type == NGHTTP2_HEADERS &&
      request->exchange.request().headers.HasToken("expect", "100-continue")) {
    Http2Fields fields;
    fields.Add(":status", "100");
    nghttp2_submit_headers(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, nullptr, fields.list().data(),
                           fields.list().size(), nullptr);
  }
  if (request->whole || request->refuse_status != 0) self.HandOver(request);
  return 0;
}

void Http2Connection::TakeHead(Request& request) {
  request.head_ended = true;
  request.exchange.EndHead();
  state_.requests.fetch_add(1, std::memory_order_relaxed);
  last_used_ = Clock::now();
  request.body_deadline = last_used_ + state_.options.body_timeout;
  const HttpRequest& head = request.exchange.request();
  if (request.exchange.head_bytes() > state_.options.head_bytes_max) {
    state_.unreadable_heads.fetch_add(1, std::memory_order_relaxed);
    Refuse(request, 431, fmt::format("request head larger than {} bytes", state_.options.head_bytes_max));
  } else if (head.target.empty() || (head.target[0] != '/' && head.target != "*")) {
    state_.unreadable_heads.fetch_add(1, std::memory_order_relaxed);
    Refuse(request, 400, "a request without a path");
  }
}

int Http2Connection::OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size,
                            void* user) {
  nghttp2_session_consume(session, id, size);
  RequestPtr request = Of(user).Find(id);
  if (request) Of(user).TakeData(*request, AsView(data, size));
  return 0;
}

void Http2Connection::TakeData(Request& request, std::string_view data) {
  if (request.refuse_status != 0) return;
  const HttpServerOptions& options = state_.options;
  std::string& body = request.exchange.mutable_request().body;
  if (body.size() + data.size() > options.body_bytes_max)
    Refuse(request, 413, fmt::format("body larger than {} bytes", options.body_bytes_max));
  bool has_room = unanswered_.Take(data.size());
  request.counted_bytes += data.size();
  if (!has_room || unanswered_.bytes() > options.http2.unanswered_bytes_max)
    Refuse(request, 503, std::string(kTooManyBodies));
  if (body.empty()) body.reserve(std::min(AnnouncedBytes(request.exchange.request(), data), kBodyReserveMax));
  // A refused one too keeps what has come, for whoever says what was too large.
  body.append(data.substr(0, options.body_bytes_max - std::min(options.body_bytes_max, body.size())));
}

int Http2Connection::OnStreamClosed(nghttp2_session*, int32_t id, uint32_t, void* user) {
  Http2Connection& self = Of(user);
  RequestPtr request = self.Find(id);
  if (!request) return 0;
  self.open_.erase(id);
  self.last_used_ = Clock::now();
  request->exchange.SetGone();
  if (request->head_ended && !request->handed_over) {
    self.Refuse(*request, kClientGone, "client gone while sending its body");
    self.HandOver(request);
  }
  return 0;
}

// An answer whose request has not come to its end: the client need not send the rest (RFC 9113 §8.1).
int Http2Connection::OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
  bool is_answer = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
  if (!is_answer || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  RequestPtr request = Of(user).Find(frame->hd.stream_id);
  if (!request || request->whole) return 0;
  return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR);
}

void Http2Connection::Refuse(Request& request, int status, std::string why) {
  if (request.refuse_status != 0) return;
  request.refuse_status = status;
  request.refuse_why = std::move(why);
}

void Http2Connection::HandOver(const RequestPtr& request) {
  if (request->handed_over) return;
  request->handed_over = true;
  ++running_;
  ready_.push_back(request);
}

void Http2Connection::StartReady() {
  if (pump_.TookInput()) last_input_ = Clock::now();
  for (RequestPtr& request : std::exchange(ready_, {})) {
    asio::co_spawn(executor_, Serve(request), [this, request](const std::exception_ptr& failure) {
      if (failure) LOG_ERROR("http2.request_failed", F("peer", peer_));
      Ended(request);
    });
  }
}

Awaitable<void> Http2Connection::Serve(RequestPtr request) {
  Http2Exchange& exchange = request->exchange;
  bool failed = false;
  try {
    if (request->refuse_status != 0) {
      co_await ServeRefused(*request);
    } else {
      co_await state_.handler(exchange);
    }
  } catch (const std::exception& error) {
    failed = true;
    LOG_ERROR("http.handler_exception", F("what", error.what()));
  }
  if (exchange.complete() || exchange.client_gone()) co_return;
  if (!failed) LOG_ERROR("http.handler_no_answer", F("started", exchange.started()));
  if (exchange.started()) {
    exchange.Reset(NGHTTP2_INTERNAL_ERROR);
    co_return;
  }
  HttpResponse internal = state_.MakeError(500, "internal error");
  auto sent = co_await exchange.Reply(std::move(internal));
  if (!sent) LOG_DEBUG("http.client_gone", F("peer", peer_));
}

Awaitable<void> Http2Connection::ServeRefused(Request& request) {
  HttpResponse response;
  bool head_is_good = request.refuse_status != 431 && request.refuse_status != 400;
  if (head_is_good && state_.options.refuse_body) {
    response = co_await state_.options.refuse_body(request.exchange.request(), request.refuse_status,
                                                   std::move(request.refuse_why));
  } else {
    response = state_.MakeError(request.refuse_status, std::move(request.refuse_why));
  }
  auto sent = co_await request.exchange.Reply(std::move(response));
  if (!sent) LOG_DEBUG("http.client_gone", F("peer", peer_));
}

void Http2Connection::Ended(const RequestPtr& request) {
  unanswered_.Return(std::exchange(request->counted_bytes, 0));
  --running_;
  if (running_ == 0) all_ended_.Notify();
}

void Http2Connection::Drain() {
  if (draining_ != Draining::kNo) return;
  draining_ = Draining::kNoticed;
  notice_ends_ = Clock::now() + kNoticeTime;
  nghttp2_submit_shutdown_notice(pump_.session());
  nghttp2_submit_ping(pump_.session(), NGHTTP2_FLAG_NONE, nullptr);
  pump_.Flush();
}

void Http2Connection::SubmitFinalGoaway() {
  draining_ = Draining::kFinal;
  int32_t last = nghttp2_session_get_last_proc_stream_id(pump_.session());
  nghttp2_submit_goaway(pump_.session(), NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
  pump_.Flush();
}

void Http2Connection::Tick(Time now) {
  pump_.Tick(now);
  if (stream_.ended()) return;
  if (draining_ == Draining::kNoticed && now >= notice_ends_) SubmitFinalGoaway();
  bool idle = open_.empty() && running_ == 0;
  if (idle && now - last_used_ >= state_.options.idle_timeout) Drain();
  if (now >= too_old_) Drain();
  TickPing(now);
  TickRequests(now);
}

void Http2Connection::TickPing(Time now) {
  const Http2Options& options = state_.options.http2;
  if (ping_sent_ && now - *ping_sent_ >= options.ping_timeout) return stream_.Break();
  if (ping_sent_ || options.ping_interval.count() == 0 || now - last_input_ < options.ping_interval) return;
  ping_sent_ = now;
  nghttp2_submit_ping(pump_.session(), NGHTTP2_FLAG_NONE, nullptr);
  pump_.Flush();
}

void Http2Connection::TickRequests(Time now) {
  for (auto& [id, request] : open_) {
    auto stuck = request->exchange.stuck_since();
    if (stuck && now - *stuck >= state_.options.write_timeout) request->exchange.Reset(NGHTTP2_CANCEL);
    if (request->handed_over || !request->head_ended || now < request->body_deadline) continue;
    Refuse(*request, 408, "the request body did not come in time");
    HandOver(request);
  }
  StartReady();
}

}  // namespace beleg::net
