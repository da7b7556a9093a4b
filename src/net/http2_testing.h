// For tests only: HTTP/2 frames by hand, so that a test can send what no library would.
#pragma once

#include <map>
#include <optional>
#include <set>

#include <nghttp2/nghttp2.h>

#include "net/testing.h"

namespace beleg::net {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

struct Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  uint32_t stream = 0;
  std::string payload;
};

inline std::string Encode(const Frame& frame) {
  std::string out;
  PutBig32(out, static_cast<uint32_t>(frame.payload.size()) << 8 | frame.type);
  out += static_cast<char>(frame.flags);
  PutBig32(out, frame.stream);
  return out + frame.payload;
}

// One field, literal and without Huffman (RFC 7541 §6.2.2); both shorter than 127 bytes.
inline std::string EncodeField(std::string_view name, std::string_view value) {
  std::string out(1, '\0');
  out += static_cast<char>(name.size());
  out += name;
  out += static_cast<char>(value.size());
  out += value;
  return out;
}

// HPACK of a request for `path`.
inline std::string EncodeHead(std::string_view method, std::string_view path, std::string_view more = {}) {
  return EncodeField(":method", method) + EncodeField(":scheme", "http") + EncodeField(":path", path) +
         EncodeField(":authority", "x") + std::string(more);
}

// A client that has sent the preface and its settings.
class RawHttp2 {
 public:
  explicit RawHttp2(uint16_t port, std::string_view settings = {}) : socket_(port) {
    socket_.Send(std::string(kPreface) + Encode({NGHTTP2_SETTINGS, 0, 0, std::string(settings)}));
    nghttp2_hd_inflate_new(&inflater_);
  }
  ~RawHttp2() { nghttp2_hd_inflate_del(inflater_); }
  RawHttp2(const RawHttp2&) = delete;
  RawHttp2& operator=(const RawHttp2&) = delete;

  RawSocket& socket() { return socket_; }
  bool Send(const Frame& frame) { return socket_.Send(Encode(frame)); }
  bool SendHead(uint32_t stream, std::string head, bool end = true) {
    uint8_t flags = NGHTTP2_FLAG_END_HEADERS | (end ? NGHTTP2_FLAG_END_STREAM : 0);
    return Send({NGHTTP2_HEADERS, flags, stream, std::move(head)});
  }

  // The next frame; nullopt when the connection ended.
  std::optional<Frame> Read() {
    std::string head = socket_.ReadBytes(9);
    if (head.size() < 9) return std::nullopt;
    Frame frame;
    frame.type = static_cast<uint8_t>(head[3]);
    frame.flags = static_cast<uint8_t>(head[4]);
    frame.stream = GetBig32(head.data() + 5);
    frame.payload = socket_.ReadBytes(GetBig32(head.data()) >> 8);
    return frame;
  }
  // The next frame of that type; others are skipped.
  std::optional<Frame> ReadType(uint8_t type) {
    auto frame = Read();
    while (frame && frame->type != type) frame = Read();
    return frame;
  }

  // What came on a stream until it ended.
  struct Answer {
    std::map<std::string, std::string> fields;  // of head and trailers
    std::string body;
    std::optional<uint32_t> reset;
  };
  // Until each of these has ended or was reset; what comes on others is dropped.
  std::map<uint32_t, Answer> ReadAnswers(std::set<uint32_t> wanted) {
    std::map<uint32_t, Answer> answers;
    while (!wanted.empty()) {
      auto frame = Read();
      if (!frame) break;
      Answer& answer = answers[frame->stream];
      bool of_answer = frame->type == NGHTTP2_HEADERS || frame->type == NGHTTP2_DATA;
      if (frame->type == NGHTTP2_HEADERS) Inflate(frame->payload, answer.fields);
      if (frame->type == NGHTTP2_DATA) answer.body += frame->payload;
      if (frame->type == NGHTTP2_RST_STREAM) answer.reset = GetBig32(frame->payload.data());
      if (answer.reset || (of_answer && (frame->flags & NGHTTP2_FLAG_END_STREAM) != 0))
        wanted.erase(frame->stream);
    }
    return answers;
  }
  Answer ReadAnswer(uint32_t stream = 1) { return ReadAnswers({stream})[stream]; }

 private:
  void Inflate(std::string_view block, std::map<std::string, std::string>& fields) {
    int flags = 0;
    do {
      nghttp2_nv field;
      auto used = nghttp2_hd_inflate_hd2(inflater_, &field, &flags,
                                         reinterpret_cast<const uint8_t*>(block.data()), block.size(), 1);
      if (used < 0) return;
      block.remove_prefix(static_cast<size_t>(used));
      if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
        fields[std::string(reinterpret_cast<const char*>(field.name), field.namelen)] =
            std::string(reinterpret_cast<const char*>(field.value), field.valuelen);
      }
    } while ((flags & NGHTTP2_HD_INFLATE_FINAL) == 0 && (flags != 0 || !block.empty()));
    nghttp2_hd_inflate_end_headers(inflater_);
  }

  RawSocket socket_;
  nghttp2_hd_inflater* inflater_ = nullptr;
};

// The payload of a SETTINGS frame with one entry.
inline std::string EncodeSetting(uint16_t id, uint32_t value) {
  std::string out;
  PutBig16(out, id);
  PutBig32(out, value);
  return out;
}

inline std::string EncodeBig32(uint32_t value) {
  std::string out;
  PutBig32(out, value);
  return out;
}

}  // namespace beleg::net
