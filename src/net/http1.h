// HTTP/1.1 on the wire (RFC 9112): heads and chunked bodies out of bytes, heads into bytes. No sockets here.
//
// Strict wherever lenience lets two readers of one connection see different requests (smuggling): bare LF or CR, space
// before a colon, folded lines, a second Content-Length, Content-Length beside Transfer-Encoding, any coding but chunked,
// and a missing or second Host are errors.
// Errors: Http1Error, with the status that a server answers with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "net/http.h"

namespace beleg::net {

struct Http1Error {
  int status;  // 400, 413, 417, 431, 501, 505
  std::string message;
};

template <class T>
class [[nodiscard]] Http1Result : public std::expected<T, Http1Error> {
 public:
  using std::expected<T, Http1Error>::expected;
};

struct BodyFraming {
  enum class Kind { kNone, kLength, kChunked, kUntilClose };
  Kind kind = Kind::kNone;
  uint64_t length = 0;  // of kLength
};

// Finds the empty line that ends a head. Remembers how far it looked, so a head that comes byte by byte costs no more than
// one that comes at once.
class HeadScanner {
 public:
  enum class State { kMore, kDone, kBad };

  // bytes: those of the last call and what came since. kBad: a line ends in a bare LF, or a control byte is among them.
  State Scan(std::string_view bytes);
  // After kDone: bytes of the head with its empty line.
  size_t size() const { return line_start_; }

 private:
  size_t line_start_ = 0;
  size_t scanned_ = 0;
};

struct RequestHead {
  HttpRequest request;  // body and peer not yet set
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  BodyFraming body;
};

struct ResponseHead {
  HttpResponse response;  // body not yet set
  bool keep_alive = true;
  BodyFraming body;
};

// head: up to and with the empty line, as HeadScanner found it. An absolute-form target becomes a path, its authority the
// Host (RFC 9112 §3.2.2).
Http1Result<RequestHead> ParseRequestHead(std::string_view head);
Http1Result<ResponseHead> ParseResponseHead(std::string_view head, std::string_view request_method);

// Takes chunked framing off (RFC 9112 §7.1). Extensions and trailers are read, checked and dropped.
class ChunkedDecoder {
 public:
  // Appends body bytes to out and returns how many bytes of `in` it is done with; the rest is to be given again, with more
  // behind it. Both are bounded by in.size().
  Http1Result<size_t> Decode(std::string_view in, std::string& out);
  bool done() const { return state_ == State::kDone; }
  // Body bytes that the sender has announced and not yet sent.
  uint64_t announced() const { return left_; }

 private:
  enum class State { kSize, kData, kDataEnd, kTrailer, kDone };
  Http1Result<void> TakeLine(std::string_view line);

  State state_ = State::kSize;
  uint64_t left_ = 0;
  size_t trailer_bytes_ = 0;
};

// The longest line of chunked framing that is taken; the reader's buffer is larger.
constexpr size_t kChunkLineMax = 4'096;

// "HTTP/1.1 200 OK\r\n".
std::string FormatStatusLine(int status);
// One field line. A line break in the value becomes a space, so that no value can forge a field.
void AppendField(std::string& out, std::string_view name, std::string_view value);
// All of them but those that frame a message (Content-Length, Transfer-Encoding, Connection: the caller appends its own)
// and those whose name is none.
void AppendFields(std::string& out, const HttpHeaders& headers);

}  // namespace beleg::net
