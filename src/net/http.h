// HTTP messages as values (RFC 9110). No sockets here, so route files that answer whole requests include only this.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace beleg::net {

// ASCII letters of both cases are equal.
bool EqualNoCase(std::string_view a, std::string_view b);

// Header fields in order of arrival. Names compare without case.
class HttpHeaders {
 public:
  HttpHeaders() = default;
  HttpHeaders(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  // The first value of that name, or nullopt.
  std::optional<std::string_view> Get(std::string_view name) const;
  void Add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  // True if a field of that name holds the token in its comma-separated list ("Connection: keep-alive, Upgrade").
  bool HasToken(std::string_view name, std::string_view token) const;
  // Replaces all of that name by one.
  void Set(std::string_view name, std::string value);
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // as sent: "/a%20b?x=1"
  HttpHeaders headers;
  std::string body;
  std::string peer;  // "127.0.0.1:4711"

  // The target up to "?", still percent-encoded (our routes have no encoded characters).
  std::string_view path() const;
  // Decoded query parameters in order; "+" is a space. kInvalidArgument on a bad escape.
  Result<std::vector<std::pair<std::string, std::string>>> Query() const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
  HttpHeaders trailers = {};  // sent over HTTP/2 only
};

// {"content-type": type} and body.
HttpResponse MakeResponse(int status, std::string content_type, std::string body);

// The token of "Authorization: Bearer TOKEN", or nullopt.
std::optional<std::string_view> BearerToken(const HttpHeaders& headers);

// True if both are equal; takes the same time wherever they differ, so that a secret cannot be guessed byte by byte.
bool EqualSecret(std::string_view a, std::string_view b);

// http://host:port/path. kInvalidArgument names the part that is wrong. Only http and https.
struct Url {
  bool tls = false;
  std::string host;  // without brackets for IPv6
  uint16_t port = 0;
  std::string target;  // path and query, at least "/"
};
Result<Url> ParseUrl(std::string_view text);

// "127.0.0.1:8000", "[::1]:0", ":8000" (all interfaces). kInvalidArgument else.
struct Endpoint {
  std::string host;
  uint16_t port = 0;
};
Result<Endpoint> ParseEndpoint(std::string_view text);

}  // namespace beleg::net
