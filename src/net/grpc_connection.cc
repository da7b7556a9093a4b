#include "net/grpc_connection.h"

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::net {

namespace asio = boost::asio;
using Time = SocketStream::Time;
using Clock = std::chrono::steady_clock;

namespace {

constexpr size_t kHeadBytesMax = 64 << 10;
constexpr size_t kPrefixBytes = 5;
// A call that servers keep refusing is not sent for ever.
constexpr int kAttemptsMax = 3;

GrpcConnection& Of(void* user) { return *static_cast<GrpcConnection*>(user); }

// For answers without a grpc-status (gRPC's "HTTP to gRPC Status Code Mapping").
GrpcCode CodeOfHttp(int status) {
  switch (status) {
    case 400: return GrpcCode::kInternal;
    case 401: return GrpcCode::kUnauthenticated;
    case 403: return GrpcCode::kPermissionDenied;
    case 404: return GrpcCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return GrpcCode::kUnavailable;
    default: return GrpcCode::kUnknown;
  }
}

}  // namespace

GrpcConnection::GrpcConnection(std::shared_ptr<SocketStream> stream, asio::any_io_executor executor,
                               std::string where, const GrpcClientOptions& options, Events events)
    : stream_(std::move(stream)),
      where_(std::move(where)),
      options_(options),
      events_(std::move(events)),
      pump_(*stream_, executor),
      last_input_(Clock::now()) {
  Begin();
}

void GrpcConnection::Begin() {
  nghttp2_session_callbacks* callbacks = nullptr;
  CHECK(nghttp2_session_callbacks_new(&callbacks) == 0, "out of memory");
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &OnFrameSent);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, &SendBody);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnStreamClosed);
  pump_.OpenClient(callbacks, this);
  nghttp2_session_callbacks_del(callbacks);
  pump_.SubmitSettings(
      {{NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kHeadBytesMax}});
}

asio::awaitable<void> GrpcConnection::Run() {
  stream_->Start();
  co_await pump_.Run([this] {
    if (pump_.TookInput()) last_input_ = Clock::now();
  });
  for (auto& [id, call] : std::exchange(calls_, {})) Close(call, std::nullopt);
  stream_->Close();
}

bool GrpcConnection::usable() {
  return !stream_->ended() && nghttp2_session_check_request_allowed(pump_.session()) != 0;
}

void GrpcConnection::Submit(const GrpcCallPtr& call) {
  ++call->attempts;
  call->submitted = Clock::now();
  call->sent_bytes = 0;
  Http2Fields fields;
  fields.Add(":method", "POST");
  fields.Add(":scheme", options_.tls ? "https" : "http");
  fields.Add(":path", call->path);
  fields.Add(":authority", where_);
  fields.Add("te", "trailers");
  fields.Add("content-type", "application/grpc");
  fields.Add("user-agent", options_.user_agent);
  fields.Add("grpc-timeout", FormatGrpcTimeout(call->deadline - call->submitted));
  fields.Add("grpc-accept-encoding", kGrpcEncodingsRead);
  if (options_.compression != GrpcCompression::kNone)
    fields.Add("grpc-encoding", GrpcEncodingName(options_.compression));
  HttpHeaders metadata;
  AddMetadata(metadata, call->metadata);
  fields.AddAll(metadata);
  nghttp2_data_provider provider{.source = {.ptr = call.get()}, .read_callback = &GrpcConnection::ReadBody};
  const auto& list = fields.list();
  int32_t id = nghttp2_submit_request(pump_.session(), nullptr, list.data(), list.size(), &provider, nullptr);
  if (id < 0) return events_.retry(call);  // ids are used up, or GOAWAY came
  calls_.emplace(id, call);
  pump_.Flush();
}

// Says how much goes into the next frame, which SendBody then writes.
ssize_t GrpcConnection::ReadBody(nghttp2_session*, int32_t, uint8_t*, size_t size, uint32_t* flags,
                                 nghttp2_data_source* source, void*) {
  const auto& call = *static_cast<const GrpcClientCall*>(source->ptr);
  if (call.finished)
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream: the message may be gone
  const size_t left = call.framed.size() + call.message.size() - call.sent_bytes;
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (left <= size) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(std::min(size, left));
}

int GrpcConnection::SendBody(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t size,
                             nghttp2_data_source* source, void* user) {
  auto& call = *static_cast<GrpcClientCall*>(source->ptr);
  const size_t of_framed = std::min(call.sent_bytes, call.framed.size());
  const std::string_view first = std::string_view(call.framed).substr(of_framed, size);
  const std::string_view second = call.message.substr(call.sent_bytes - of_framed, size - first.size());
  Of(user).pump_.AppendData(head, first, second);
  call.sent_bytes += size;
  return 0;
}

GrpcCallPtr GrpcConnection::Find(int32_t id) {
  auto found = calls_.find(id);
  return found == calls_.end() ? nullptr : found->second;
}

int GrpcConnection::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                             size_t name_size, const uint8_t* value, size_t value_size, uint8_t, void* user) {
  GrpcCallPtr call = Of(user).Find(frame->hd.stream_id);
  if (!call) return 0;
  call->incoming_bytes += name_size + value_size;
  if (call->incoming_bytes <= kHeadBytesMax)
    call->incoming.Add(std::string(AsView(name, name_size)), std::string(AsView(value, value_size)));
  return 0;
}

int GrpcConnection::OnFrame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  GrpcConnection& self = Of(user);
  if (frame->hd.type == NGHTTP2_SETTINGS) self.greeted_ = true;
  if (frame->hd.type == NGHTTP2_PING && (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0) self.ping_sent_.reset();
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  GrpcCallPtr call = self.Find(frame->hd.stream_id);
  if (!call) return 0;
  if (call->incoming_bytes > kHeadBytesMax) {
    self.GiveUp(frame->hd.stream_id,
                Fail(ErrorCode::kResourceExhausted, "{}: answer's head is larger than {} bytes", self.where_,
                     kHeadBytesMax));
    return 0;
  }
  self.TakeHead(*call);
  return 0;
}

// An interim head (1xx), the head, or the trailers.
void GrpcConnection::TakeHead(GrpcClientCall& call) {
  HttpHeaders fields = std::exchange(call.incoming, {});
  call.incoming_bytes = 0;
  if (call.http_status != 0) {
    call.trailers = std::move(fields);
    return;
  }
  int status = static_cast<int>(ParseUint64(fields.Get(":status").value_or("0")).value_or(0));
  if (status < 200) return;
  call.http_status = status;
  call.head = std::move(fields);
}

int GrpcConnection::OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  GrpcCallPtr call = Of(user).Find(frame->hd.stream_id);
  if (call) call->head_sent = true;
  return 0;
}

int GrpcConnection::OnData(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data, size_t size,
                           void* user) {
  nghttp2_session_consume(session, id, size);
  GrpcConnection& self = Of(user);
  GrpcCallPtr call = self.Find(id);
  if (!call || call->finished) return 0;
  call->body.append(AsView(data, size));
  size_t max = self.options_.message_bytes_max;
  if (call->body.size() <= max + kPrefixBytes) return 0;
  uint64_t announced = GetBig32(call->body.data() + 1);
  self.GiveUp(id, Fail(ErrorCode::kResourceExhausted, "{}: {}", self.where_, GrpcTooLarge(announced, max)));
  return 0;
}

int GrpcConnection::OnStreamClosed(nghttp2_session*, int32_t id, uint32_t error_code, void* user) {
  GrpcConnection& self = Of(user);
  GrpcCallPtr call = self.Find(id);
  if (!call) return 0;
  self.calls_.erase(id);
  self.Close(call, error_code);
  return 0;
}

// error_code: of the stream; nullopt when the connection itself ended.
void GrpcConnection::Close(const GrpcCallPtr& call, std::optional<uint32_t> error_code) {
  if (call->finished) return;
  bool has_status = call->trailers.Get("grpc-status") || call->head.Get("grpc-status");
  bool ended_well = error_code == NGHTTP2_NO_ERROR && call->http_status != 0;
  if (has_status || ended_well) return events_.finish(call, MakeReply(*call));
  bool not_begun = error_code == NGHTTP2_REFUSED_STREAM || (!call->head_sent && greeted_);
  if (not_begun && call->attempts < kAttemptsMax) {
    call->head_sent = false;
    return events_.retry(call);
  }
  if (error_code) return events_.finish(call, ResetError(*call, *error_code));
  events_.finish(call, Fail(ErrorCode::kUnavailable, "{}: connection lost", where_));
}

void GrpcConnection::GiveUp(int32_t id, std::unexpected<Error> why) {
  // The stream keeps the call until it is closed: nghttp2 may still read its body.
  GrpcCallPtr call = Find(id);
  nghttp2_submit_rst_stream(pump_.session(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  pump_.Flush();
  events_.finish(call, std::move(why));
}

void GrpcConnection::Abandon(const GrpcCallPtr& call) {
  for (auto& [id, mine] : calls_) {
    if (mine != call) continue;
    nghttp2_submit_rst_stream(pump_.session(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    pump_.Flush();
    break;
  }
  // No byte at all since the call began: perhaps nobody is there any more.
  if (last_input_ < call->submitted) Ping(Clock::now());
}

Result<GrpcReply> GrpcConnection::MakeReply(GrpcClientCall& call) const {
  GrpcReply reply;
  bool trailers_only = !call.trailers.Get("grpc-status");
  const HttpHeaders& last = trailers_only ? call.head : call.trailers;
  auto status = last.Get("grpc-status");
  if (!status && call.http_status != 200) {
    reply.status = {CodeOfHttp(call.http_status),
                    fmt::format("unexpected HTTP status code received from server: {}", call.http_status)};
    return reply;
  }
  if (!call.head.Get("content-type").value_or("").starts_with("application/grpc"))
    return Fail(ErrorCode::kInternal, "{}: the answer's content-type is not application/grpc", where_);
  if (!status) return Fail(ErrorCode::kInternal, "{}: the answer has no grpc-status", where_);
  auto code = ParseUint64(*status);
  constexpr uint64_t kCodeMax = static_cast<uint64_t>(GrpcCode::kUnauthenticated);
  bool known = code && *code <= kCodeMax;
  reply.status.code = known ? static_cast<GrpcCode>(*code) : GrpcCode::kUnknown;
  reply.status.message = DecodeGrpcMessage(last.Get("grpc-message").value_or(""));
  reply.trailers = TakeMetadata(last);
  if (!trailers_only) reply.metadata = TakeMetadata(call.head);
  if (!reply.status.ok()) return reply;
  std::string encoding(call.head.Get("grpc-encoding").value_or(""));
  auto message = UnframeGrpcMessage(std::move(call.body), encoding, options_.message_bytes_max);
  if (!message) return Fail(std::move(message.error()), "{}", where_);
  reply.message = std::move(*message);
  return reply;
}

std::unexpected<Error> GrpcConnection::ResetError(const GrpcClientCall& call, uint32_t error_code) const {
  // The server saw the deadline pass a moment before our timer did (Go's answers so).
  if (error_code == NGHTTP2_CANCEL && Clock::now() >= call.deadline)
    return Fail(ErrorCode::kDeadlineExceeded, "{}: no answer in time", where_);
  ErrorCode code = ErrorCode::kInternal;
  if (error_code == NGHTTP2_REFUSED_STREAM) code = ErrorCode::kUnavailable;
  if (error_code == NGHTTP2_CANCEL) code = ErrorCode::kCancelled;
  if (error_code == NGHTTP2_ENHANCE_YOUR_CALM) code = ErrorCode::kResourceExhausted;
  if (error_code == NGHTTP2_INADEQUATE_SECURITY) code = ErrorCode::kPermissionDenied;
  return Fail(code, "{}: stream reset by the server: {}", where_, nghttp2_http2_strerror(error_code));
}

void GrpcConnection::Ping(Time now) {
  if (ping_sent_) return;
  ping_sent_ = now;
  nghttp2_submit_ping(pump_.session(), NGHTTP2_FLAG_NONE, nullptr);
  pump_.Flush();
}

void GrpcConnection::Tick(Time now) {
  stream_->Tick(now);
  pump_.Tick(now);
  if (ping_sent_ && now - *ping_sent_ >= options_.ping_timeout) return stream_->Break();
  bool silent = options_.ping_interval.count() > 0 && now - last_input_ >= options_.ping_interval;
  if (silent && !calls_.empty()) Ping(now);
}

}  // namespace beleg::net
