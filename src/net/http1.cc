#include "net/http1.h"

#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "base/bytes.h"

namespace beleg::net {
namespace {

constexpr size_t kFieldsMax = 256;
constexpr size_t kTrailerBytesMax = 16 << 10;
// 2^60: no sum of a body's chunks that we would ever hold can overflow.
constexpr size_t kChunkDigitsMax = 15;
constexpr std::string_view kLineEnd = "\r\n";

std::unexpected<Http1Error> Bad(int status, std::string message) {
  return std::unexpected<Http1Error>(Http1Error{status, std::move(message)});
}

bool IsTokenCharacter(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenCharacter);
}

bool IsControl(char c) {
  uint8_t byte = static_cast<uint8_t>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

bool IsTargetCharacter(char c) { return c > ' ' && c < 0x7f && c != '#'; }

bool IsHost(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < 0x7f && std::string_view("/?#@\\,\"<>").find(c) == std::string_view::npos;
  });
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the next line off, without its end. The scanner has made sure that every line has one.
std::string_view NextLine(std::string_view& head) {
  size_t end = std::min(head.find(kLineEnd), head.size());
  std::string_view line = head.substr(0, end);
  head.remove_prefix(std::min(end + kLineEnd.size(), head.size()));
  return line;
}

Http1Result<std::pair<std::string_view, std::string_view>> ParseField(std::string_view line) {
  if (line.front() == ' ' || line.front() == '\t') return Bad(400, "folded header line");
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Bad(400, "header line without a colon");
  std::string_view name = line.substr(0, colon);
  if (!IsToken(name)) return Bad(400, "bad character in a header name");
  std::string_view value = Trim(line.substr(colon + 1));
  if (std::any_of(value.begin(), value.end(), IsControl))
    return Bad(400, fmt::format("control character in header {}", name));
  return std::pair(name, value);
}

Http1Result<void> ParseFields(std::string_view lines, HttpHeaders& headers) {
  for (std::string_view line = NextLine(lines); !line.empty(); line = NextLine(lines)) {
    if (headers.fields().size() == kFieldsMax)
      return Bad(431, fmt::format("more than {} header fields", kFieldsMax));
    auto field = ParseField(line);
    if (!field) return Bad(field.error().status, std::move(field.error().message));
    headers.Add(std::string(field->first), std::string(field->second));
  }
  return {};
}

// The only value of that name, nullopt if there is none.
Http1Result<std::optional<std::string_view>> Single(const HttpHeaders& headers, std::string_view name) {
  std::optional<std::string_view> found;
  for (const auto& [key, value] : headers.fields()) {
    if (!EqualNoCase(key, name)) continue;
    if (found) return Bad(400, fmt::format("more than one {}", name));
    found = value;
  }
  return found;
}

Http1Result<BodyFraming> ParseFraming(const HttpHeaders& headers, bool http_1_0) {
  auto length = Single(headers, "content-length");
  if (!length) return Bad(400, std::move(length.error().message));
  auto coding = Single(headers, "transfer-encoding");
  if (!coding) return Bad(400, std::move(coding.error().message));
  if (*coding) {
    if (http_1_0) return Bad(400, "transfer-encoding in HTTP/1.0");
    if (*length) return Bad(400, "content-length beside transfer-encoding");
    if (!EqualNoCase(**coding, "chunked")) return Bad(501, "transfer-encoding other than chunked");
    return BodyFraming{BodyFraming::Kind::kChunked, 0};
  }
  if (!*length) return BodyFraming{};
  auto bytes = ParseUint64(**length);
  if (!bytes) return Bad(400, "bad content-length");
  return BodyFraming{BodyFraming::Kind::kLength, *bytes};
}

// "HTTP/1.1" → false, "HTTP/1.0" → true.
Http1Result<bool> ParseVersion(std::string_view text) {
  if (text.size() != 8 || !text.starts_with("HTTP/") || text[6] != '.') return Bad(400, "bad HTTP version");
  if (text[5] < '0' || text[5] > '9' || text[7] < '0' || text[7] > '9') return Bad(400, "bad HTTP version");
  if (text[5] != '1') return Bad(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
  return text[7] == '0';
}

// Origin form as it is; absolute form as a path, with its authority in `authority`; "*" for OPTIONS.
Http1Result<std::string> ParseTarget(std::string_view method, std::string_view target,
                                     std::string& authority) {
  if (target.empty() || !std::all_of(target.begin(), target.end(), IsTargetCharacter))
    return Bad(400, "bad request target");
  if (target.front() == '/') return std::string(target);
  if (target == "*" && method == "OPTIONS") return std::string(target);
  size_t colon = target.find("://");
  std::string_view scheme = target.substr(0, std::min(colon, target.size()));
  if (colon == std::string_view::npos || !(EqualNoCase(scheme, "http") || EqualNoCase(scheme, "https"))) {
    return Bad(400, "bad request target");
  }
  std::string_view rest = target.substr(colon + 3);
  size_t end = std::min(rest.find_first_of("/?"), rest.size());
  authority = rest.substr(0, end);
  if (authority.empty() || !IsHost(authority)) return Bad(400, "bad host in the request target");
  std::string path(rest.substr(end));
  return path.starts_with('/') ? path : "/" + path;
}

Http1Result<void> ParseRequestLine(std::string_view line, RequestHead& out, std::string& authority) {
  size_t first = line.find(' ');
  size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return Bad(400, "bad request line");
  std::string_view method = line.substr(0, first);
  if (!IsToken(method) || method.size() > 32) return Bad(400, "bad method");
  auto http_1_0 = ParseVersion(line.substr(last + 1));
  if (!http_1_0) return Bad(http_1_0.error().status, std::move(http_1_0.error().message));
  auto target = ParseTarget(method, line.substr(first + 1, last - first - 1), authority);
  if (!target) return Bad(target.error().status, std::move(target.error().message));
  out.request.method = method;
  out.request.target = std::move(*target);
  out.http_1_0 = *http_1_0;
  return {};
}

Http1Result<void> CheckHost(RequestHead& out, std::string authority) {
  auto host = Single(out.request.headers, "host");
  if (!host) return Bad(400, std::move(host.error().message));
  if (!*host && !out.http_1_0) return Bad(400, "no host header");
  if (*host && !IsHost(**host)) return Bad(400, "bad host header");
  if (!authority.empty()) out.request.headers.Set("host", std::move(authority));
  return {};
}

bool KeepsAlive(const HttpHeaders& headers, bool http_1_0) {
  if (headers.HasToken("connection", "close")) return false;
  return !http_1_0 || headers.HasToken("connection", "keep-alive");
}

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 499: return "Client Closed Request";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";  // RFC 9112 §4: the phrase may be empty, clients ignore it
  }
}

}  // namespace

HeadScanner::State HeadScanner::Scan(std::string_view bytes) {
  while (scanned_ < bytes.size()) {
    size_t lf = bytes.find('\n', scanned_);
    size_t end = std::min(lf, bytes.size());
    for (size_t i = scanned_; i < end; ++i) {
      // A CR is fine only if its LF follows, or has not come yet.
      if (IsControl(bytes[i]) && !(bytes[i] == '\r' && (i + 1 == bytes.size() || bytes[i + 1] == '\n')))
        return State::kBad;
    }
    scanned_ = end;
    if (lf == std::string_view::npos) {
      // Looked at again with what follows it.
      if (bytes.back() == '\r') --scanned_;
      return State::kMore;
    }
    if (lf == 0 || bytes[lf - 1] != '\r') return State::kBad;
    bool empty_line = lf == line_start_ + 1;
    scanned_ = line_start_ = lf + 1;
    if (empty_line) return State::kDone;
  }
  return State::kMore;
}

Http1Result<RequestHead> ParseRequestHead(std::string_view head) {
  RequestHead out;
  std::string authority;
  auto line = ParseRequestLine(NextLine(head), out, authority);
  if (!line) return Bad(line.error().status, std::move(line.error().message));
  auto fields = ParseFields(head, out.request.headers);
  if (!fields) return Bad(fields.error().status, std::move(fields.error().message));
  auto host = CheckHost(out, std::move(authority));
  if (!host) return Bad(host.error().status, std::move(host.error().message));
  auto framing = ParseFraming(out.request.headers, out.http_1_0);
  if (!framing) return Bad(framing.error().status, std::move(framing.error().message));
  out.body = *framing;
  out.keep_alive = KeepsAlive(out.request.headers, out.http_1_0);
  if (auto expect = out.request.headers.Get("expect"); expect && !out.http_1_0) {
    if (!EqualNoCase(*expect, "100-continue")) return Bad(417, "expect other than 100-continue");
    out.expects_continue = true;
  }
  return out;
}

Http1Result<ResponseHead> ParseResponseHead(std::string_view head, std::string_view request_method) {
  ResponseHead out;
  std::string_view line = NextLine(head);
  auto http_1_0 = ParseVersion(line.substr(0, 8));
  if (!http_1_0) return Bad(400, std::move(http_1_0.error().message));
  // "HTTP/1.1 200" and then nothing, or a space and a phrase.
  auto status = ParseUint64(line.substr(std::min<size_t>(9, line.size()), 3));
  if (line.size() < 12 || line[8] != ' ' || !status || *status < 100 ||
      (line.size() > 12 && line[12] != ' ')) {
    return Bad(400, "bad status line");
  }
  out.response.status = static_cast<int>(*status);
  auto fields = ParseFields(head, out.response.headers);
  if (!fields) return Bad(400, std::move(fields.error().message));
  out.keep_alive = KeepsAlive(out.response.headers, *http_1_0);
  if (request_method == "HEAD" || *status < 200 || *status == 204 || *status == 304) return out;
  auto framing = ParseFraming(out.response.headers, *http_1_0);
  if (!framing) return Bad(400, std::move(framing.error().message));
  out.body = *framing;
  if (out.body.kind == BodyFraming::Kind::kNone) {
    out.body.kind = BodyFraming::Kind::kUntilClose;
    out.keep_alive = false;
  }
  return out;
}

Http1Result<size_t> ChunkedDecoder::Decode(std::string_view in, std::string& out) {
  size_t used = 0;
  while (used < in.size() && state_ != State::kDone) {
    std::string_view rest = in.substr(used);
    if (state_ == State::kData) {
      size_t take = std::min<uint64_t>(left_, rest.size());
      out.append(rest.substr(0, take));
      used += take;
      left_ -= take;
      if (left_ == 0) state_ = State::kDataEnd;
      continue;
    }
    size_t lf = rest.find('\n');
    if (std::min(lf, rest.size()) > kChunkLineMax) return Bad(400, "line too long in chunked framing");
    if (lf == std::string_view::npos) return used;
    if (lf == 0 || rest[lf - 1] != '\r') return Bad(400, "bare line feed in chunked framing");
    auto taken = TakeLine(rest.substr(0, lf - 1));
    if (!taken) return Bad(taken.error().status, std::move(taken.error().message));
    used += lf + 1;
  }
  return used;
}

Http1Result<void> ChunkedDecoder::TakeLine(std::string_view line) {
  if (std::any_of(line.begin(), line.end(), IsControl))
    return Bad(400, "control character in chunked framing");
  if (state_ == State::kDataEnd) {
    if (!line.empty()) return Bad(400, "chunk longer than announced");
    state_ = State::kSize;
  } else if (state_ == State::kSize) {
    std::string_view digits = line.substr(0, line.find_first_not_of("0123456789abcdefABCDEF"));
    std::string_view extension = Trim(line.substr(digits.size()));
    if (digits.empty() || digits.size() > kChunkDigitsMax) return Bad(400, "bad chunk size");
    if (!extension.empty() && extension.front() != ';') return Bad(400, "bad chunk size");
    for (char c : digits)
      left_ = left_ * 16 + static_cast<uint64_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    state_ = left_ == 0 ? State::kTrailer : State::kData;
  } else if (line.empty()) {
    state_ = State::kDone;
  } else {
    trailer_bytes_ += line.size();
    if (trailer_bytes_ > kTrailerBytesMax) return Bad(431, "trailers too large");
    auto field = ParseField(line);
    if (!field) return Bad(field.error().status, std::move(field.error().message));
  }
  return {};
}

std::string FormatStatusLine(int status) {
  std::string out;
  out.reserve(256);  // the fields follow
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status, ReasonPhrase(status));
  return out;
}

void AppendField(std::string& out, std::string_view name, std::string_view value) {
  out += name;
  out += ": ";
  size_t start = out.size();
  out += value;
  std::replace_if(out.begin() + static_cast<std::ptrdiff_t>(start), out.end(), IsControl, ' ');
  out += kLineEnd;
}

void AppendFields(std::string& out, const HttpHeaders& headers) {
  for (const auto& [name, value] : headers.fields()) {
    if (!IsToken(name) || EqualNoCase(name, "content-length") || EqualNoCase(name, "transfer-encoding") ||
        EqualNoCase(name, "connection")) {
      continue;
    }
    AppendField(out, name, value);
  }
}

}  // namespace beleg::net
