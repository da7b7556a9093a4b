// The forms that every answer of the API has: JSON bodies, JSON errors, query parameters.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "net/http.h"
#include "wire/json.h"

namespace beleg::query {

net::HttpResponse JsonAnswer(const wire::Json& body, int status = 200);

// {"error":{"code":"INVALID_ARGUMENT","message":"…","parameter":"limit"}}; parameter only when one is to blame. The status is
// HttpStatusOf(error.code); Retry-After stands with 429 and 503.
net::HttpResponse ErrorAnswer(const Error& error, std::string_view parameter = {});

// 405: what this path takes, as "GET, POST".
net::HttpResponse WrongMethod(std::string_view allowed);

// Query parameters, first of a name counts. Unknown names are ignored, as the APIs that we stand in for do.
class Parameters {
 public:
  static Result<Parameters> Read(const net::HttpRequest& request);

  std::string Text(std::string_view name) const;  // "" when it is not there
  // kInvalidArgument: no whole number, or outside [least, most].
  Result<int64_t> Int(std::string_view name, int64_t fallback, int64_t least, int64_t most) const;

 private:
  const std::string* Find(std::string_view name) const;
  std::vector<std::pair<std::string, std::string>> values_;
};

// `start` and `end`, unix milliseconds, both within and both optional. Else the answer that says which of them is wrong.
struct TimeRange {
  int64_t start_us = 0, end_us = 0;
};
std::expected<TimeRange, net::HttpResponse> ReadTimeRange(const Parameters& parameters);

}  // namespace beleg::query
