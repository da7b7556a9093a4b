// A blocking HTTP/1.1 client, plain or by TLS (https), for threads that have nothing else to do: exporter, mirror, audit commands.
//
// Shape:   one connection, kept open between requests and made anew when the peer closed it. Bodies come whole, or
//          piece by piece when on_body is set.
// Retry:   once and silently, only when a kept connection turns out closed before any byte of the answer, and only for
//          methods that may be repeated (GET, HEAD, PUT, DELETE, OPTIONS: RFC 9110 §9.2.2). A POST then gives kUnavailable.
// Errors:  kUnavailable (cannot connect, reset; retry is sensible) · kDeadlineExceeded · kResourceExhausted (answer larger
//          than the limit) · kDataLoss (answer is not HTTP).
//          An HTTP status of any number is not an error here.
// Threads: one at a time; Cancel from any.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/http.h"
#include "net/tls.h"

namespace beleg::net {

class HttpClient {
 public:
  struct Options {
    std::chrono::milliseconds connect_timeout{5'000};
    std::chrono::milliseconds request_timeout{30'000};  // whole exchange
    size_t response_bytes_max = 256 << 20;
    std::shared_ptr<const TlsContext> tls = {};  // null: for https the system's certificates
  };
  // url: scheme, host and port are used; the target of each request is given with it.
  static Result<std::unique_ptr<HttpClient>> Open(std::string_view url, Options options);
  static Result<std::unique_ptr<HttpClient>> Open(std::string_view url) { return Open(url, Options{}); }
  ~HttpClient();

  // request.target "" means the target of the URL. Host, Content-Length and User-Agent are set here.
  // on_body: called with each piece of a 2xx body as it arrives; the answer then has no body and no size limit. Returning
  // false ends the exchange: the connection is closed and the answer so far returned.
  Result<HttpResponse> Send(const HttpRequest& request,
                            const std::function<bool(std::string_view)>& on_body = {});

  Result<HttpResponse> Get(std::string target, HttpHeaders headers = {});

  // Ends a Send in progress with kCancelled, and every later one. May not be called while the object is destroyed.
  void Cancel();

  // For Open alone: Impl is private.
  class Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace beleg::net
