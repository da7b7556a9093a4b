// ParseUrl and ParseEndpoint of net/http.h: the part of RFC 3986 that a server's address needs.
#include <algorithm>

#include "base/bytes.h"
#include "net/http.h"

namespace beleg::net {
namespace {

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_';
}

bool IsIpv6Character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

Result<uint16_t> ParsePort(std::string_view text, std::string_view whole) {
  auto port = ParseUint64(text);
  if (!port || *port > 65'535)
    return Fail(ErrorCode::kInvalidArgument, "\"{}\": bad port \"{}\", want 0 to 65535", whole, text);
  return static_cast<uint16_t>(*port);
}

struct Authority {
  std::string host;
  std::optional<std::string_view> port;
};

// host, host:port, [v6], [v6]:port. The host may be empty.
Result<Authority> SplitAuthority(std::string_view text, std::string_view whole) {
  Authority out;
  std::string_view rest;
  if (text.starts_with('[')) {
    size_t end = text.find(']');
    if (end == std::string_view::npos)
      return Fail(ErrorCode::kInvalidArgument, "\"{}\": \"[\" without \"]\"", whole);
    out.host = text.substr(1, end - 1);
    rest = text.substr(end + 1);
    if (out.host.empty() || !std::all_of(out.host.begin(), out.host.end(), IsIpv6Character)) {
      return Fail(ErrorCode::kInvalidArgument, "\"{}\": bad IPv6 address \"{}\"", whole, out.host);
    }
    if (!rest.empty() && rest.front() != ':') {
      return Fail(ErrorCode::kInvalidArgument, "\"{}\": \"{}\" after the host", whole, rest);
    }
  } else {
    size_t colon = std::min(text.find(':'), text.size());
    out.host = text.substr(0, colon);
    rest = text.substr(colon);
    if (!std::all_of(out.host.begin(), out.host.end(), IsHostCharacter)) {
      return Fail(ErrorCode::kInvalidArgument, "\"{}\": bad host \"{}\"", whole, out.host);
    }
  }
  if (!rest.empty()) out.port = rest.substr(1);
  return out;
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  Url url;
  size_t colon = text.find("://");
  if (colon == std::string_view::npos) {
    return Fail(ErrorCode::kInvalidArgument, "\"{}\" is no URL: want http://host:port/path", text);
  }
  std::string_view scheme = text.substr(0, colon);
  url.tls = EqualNoCase(scheme, "https");
  if (!url.tls && !EqualNoCase(scheme, "http")) {
    return Fail(ErrorCode::kInvalidArgument, "\"{}\": scheme \"{}\" is neither http nor https", text, scheme);
  }
  std::string_view rest = text.substr(colon + 3);
  size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  std::string_view target = rest.substr(end);
  if (rest.substr(0, end).find('@') != std::string_view::npos) {
    // Not echoed: it may hold a password.
    return Fail(ErrorCode::kInvalidArgument,
                "a URL with user or password (\"@\" before the host) is not taken");
  }
  TRY_ASSIGN(Authority authority, SplitAuthority(rest.substr(0, end), text));
  if (authority.host.empty()) return Fail(ErrorCode::kInvalidArgument, "\"{}\": no host", text);
  url.host = std::move(authority.host);
  url.port = url.tls ? 443 : 80;
  if (authority.port) {
    TRY_ASSIGN(url.port, ParsePort(*authority.port, text));
    if (url.port == 0) return Fail(ErrorCode::kInvalidArgument, "\"{}\": port 0 cannot be called", text);
  }
  for (char c : target) {
    if (c <= ' ' || c >= 0x7f || c == '#') {
      return Fail(ErrorCode::kInvalidArgument, "\"{}\": path with a space, \"#\" or non-ASCII character",
                  text);
    }
  }
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

Result<Endpoint> ParseEndpoint(std::string_view text) {
  TRY_ASSIGN(Authority authority, SplitAuthority(text, text));
  if (!authority.port) return Fail(ErrorCode::kInvalidArgument, "\"{}\": no port, want host:port", text);
  Endpoint endpoint;
  endpoint.host = std::move(authority.host);
  TRY_ASSIGN(endpoint.port, ParsePort(*authority.port, text));
  return endpoint;
}

}  // namespace beleg::net
