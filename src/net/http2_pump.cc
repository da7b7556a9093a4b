#include "net/http2_pump.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>

#include "base/check.h"
#include "base/log.h"

namespace beleg::net {

namespace asio = boost::asio;

namespace {

// Room for what is on its way.
constexpr int32_t kStreamWindow = 1 << 20;
constexpr int32_t kConnectionWindow = 8 << 20;
constexpr size_t kOutBytes = 64 << 10;
// Of a server: answers to what the peer sends. A client queues requests by itself.
constexpr size_t kQueuedFramesMax = 4'000;
constexpr std::chrono::milliseconds kLingerTime{2'000};

char AsciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// RFC 9113 §8.2.2.
bool IsOfConnection(std::string_view name) {
  return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
         name == "transfer-encoding" || name == "upgrade";
}

using OptionPtr = std::unique_ptr<nghttp2_option, decltype(&nghttp2_option_del)>;

OptionPtr MakeOption() {
  nghttp2_option* option = nullptr;
  CHECK(nghttp2_option_new(&option) == 0, "out of memory");
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_no_auto_window_update(option, 1);
  return {option, &nghttp2_option_del};
}

}  // namespace

Http2Pump::Http2Pump(SocketStream& stream, const asio::any_io_executor& executor)
    : stream_(stream),
      executor_(executor),
      wake_writer_(executor),
      written_(executor),
      writer_ended_(executor) {}

void Http2Pump::OpenServer(nghttp2_session_callbacks* callbacks, void* user) {
  OptionPtr option = MakeOption();
  queued_frames_max_ = kQueuedFramesMax;
  CHECK(nghttp2_session_server_new2(&session_, callbacks, user, option.get()) == 0, "out of memory");
}

void Http2Pump::OpenClient(nghttp2_session_callbacks* callbacks, void* user) {
  OptionPtr option = MakeOption();
  CHECK(nghttp2_session_client_new2(&session_, callbacks, user, option.get()) == 0, "out of memory");
}

void Http2Pump::SubmitSettings(std::vector<nghttp2_settings_entry> settings) {
  settings.push_back({NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow});
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

asio::awaitable<void> Http2Pump::Run(std::function<void()> after_input) {
  asio::co_spawn(executor_, WriteAll(), [this](const std::exception_ptr& failure) {
    if (failure) LOG_ERROR("http2.writer_failed", F("what", "exception"));
    if (failure) stream_.Break();
    writer_ended_.Notify();
  });
  co_await ReadAll(after_input);
  Flush();
  co_await writer_ended_.Wait();
}

asio::awaitable<void> Http2Pump::ReadAll(const std::function<void()>& after_input) {
  auto more = SocketStream::Input::kBytes;
  while (more == SocketStream::Input::kBytes) {
    while (nghttp2_session_get_outbound_queue_size(session_) > queued_frames_max_ && !stream_.ended()) {
      co_await written_.Wait();
    }
    TakeInput();
    after_input();
    Flush();
    more = co_await stream_.MoreInput(Time::max());
  }
}

void Http2Pump::TakeInput() {
  std::string_view input = stream_.input();
  if (input.empty()) return;
  took_input_ = true;
  if (!broken_ && !lingering_) {
    // Whatever the peer gets wrong is answered by nghttp2 itself (GOAWAY); what remains leaves the session of no use.
    broken_ =
        nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(input.data()), input.size()) < 0;
  }
  stream_.Consume(input.size());
}

bool Http2Pump::Done() {
  return broken_ || (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

asio::awaitable<void> Http2Pump::WriteAll() {
  while (!stream_.ended()) {
    CollectOutput();
    if (!out_.empty()) {
      auto sent = co_await stream_.Write(out_);
      if (!sent) break;
    } else if (Done()) {
      // The peer must be able to read what was sent last, so it closes first.
      lingering_ = true;
      linger_until_ = std::chrono::steady_clock::now() + kLingerTime;
      stream_.ShutdownWrite();
      break;
    } else {
      co_await wake_writer_.Wait();
    }
    written_.Notify();
  }
  written_.Notify();
}

void Http2Pump::CollectOutput() {
  out_.clear();
  while (out_.size() < kOutBytes && !stream_.ended()) {
    const uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) broken_ = true;
    if (size <= 0) return;
    out_.append(AsView(bytes, static_cast<size_t>(size)));
  }
}

void Http2Pump::AppendData(const uint8_t* head, std::string_view first, std::string_view second) {
  constexpr size_t kFrameHeadBytes = 9;
  out_.append(AsView(head, kFrameHeadBytes)).append(first).append(second);
}

void Http2Pump::Tick(Time now) {
  if (now >= linger_until_) stream_.Break();
}

void Http2Fields::Add(std::string_view name, std::string_view value) {
  std::string lower(name);
  std::ranges::transform(lower, lower.begin(), AsciiLower);
  bool is_pseudo = lower.starts_with(':');
  if (!is_pseudo &&
      nghttp2_check_header_name(reinterpret_cast<const uint8_t*>(lower.data()), lower.size()) == 0)
    return;
  if (IsOfConnection(lower)) return;
  std::string clean(value);
  std::ranges::replace_if(clean, [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7f; }, ' ');
  fields_.Add(std::move(lower), std::move(clean));
}

void Http2Fields::AddAll(const HttpHeaders& headers) {
  for (const auto& [name, value] : headers.fields()) Add(name, value);
}

const std::vector<nghttp2_nv>& Http2Fields::list() {
  auto bytes = [](const std::string& text) {
    return const_cast<uint8_t*>(reinterpret_cast<const uint8_t*>(text.data()));
  };
  list_.clear();
  for (const auto& [name, value] : fields_.fields()) {
    list_.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return list_;
}

std::string_view AsView(const uint8_t* bytes, size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

}  // namespace beleg::net
