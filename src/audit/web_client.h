// HTTP as the audit commands use it: a base URL, a bearer token if there is one, and whole answers.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"
#include "wire/json.h"

namespace beleg::audit {

// One peer. Threads: one at a time.
class WebClient {
 public:
  // base_url may have a path of its own ("http://host/v1/"): the paths of calls go behind it. token "": none is sent.
  static Result<std::unique_ptr<WebClient>> Open(std::string_view base_url, std::string token,
                                                 std::chrono::milliseconds timeout);

  // path: "models", "api/v1/spans?…"; without a leading slash. An answer that is not 2xx is an error that quotes its start:
  // kNotFound (404, 410), kUnauthenticated (401), kPermissionDenied (403), kInvalidArgument (other 4xx), kUnavailable
  // (429, 5xx, no connection), and what HttpClient says.
  Result<net::HttpResponse> Get(std::string_view path);
  Result<net::HttpResponse> Post(std::string_view path, std::string content_type, std::string body);
  Result<net::HttpResponse> Delete(std::string_view path);
  // kDataLoss when the answer is no JSON.
  Result<wire::Json> GetJson(std::string_view path);

  const std::string& base_url() const { return base_url_; }  // without a slash at the end

 private:
  WebClient(std::unique_ptr<net::HttpClient> client, std::string base_url, std::string base_path,
            std::string token)
      : client_(std::move(client)),
        base_url_(std::move(base_url)),
        base_path_(std::move(base_path)),
        token_(std::move(token)) {}
  Result<net::HttpResponse> Send(net::HttpRequest request);

  std::unique_ptr<net::HttpClient> client_;
  std::string base_url_, base_path_, token_;
};

// Percent-encodes all but A-Z a-z 0-9 - _ . ~ (RFC 3986 §2.3).
std::string PercentEncode(std::string_view text);

// A member of a JSON object with its type looked at. kDataLoss names it: "usage.prompt_tokens: is null, want a number".
// path: members joined by dots; a number is an index of an array ("choices.0.finish_reason").
Result<const wire::Json*> JsonAt(const wire::Json& root, std::string_view path);
Result<std::string> StringAt(const wire::Json& root, std::string_view path);
Result<int64_t> IntAt(const wire::Json& root, std::string_view path);

}  // namespace beleg::audit
