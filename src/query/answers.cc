#include "query/answers.h"

#include "base/bytes.h"

namespace beleg::query {

using wire::Json;

namespace {
constexpr int64_t kTimeMax_ms = 9'007'199'254'740;  // in microseconds still within 2^53; the year 2255
}  // namespace

net::HttpResponse JsonAnswer(const Json& body, int status) {
  return net::MakeResponse(status, "application/json", body.Dump());
}

net::HttpResponse ErrorAnswer(const Error& error, std::string_view parameter) {
  Json inner = Json::MakeObject({{"code", ErrorCodeName(error.code)}, {"message", error.message}});
  if (!parameter.empty()) inner.Set("parameter", parameter);
  net::HttpResponse out =
      JsonAnswer(Json::MakeObject({{"error", std::move(inner)}}), HttpStatusOf(error.code));
  if (out.status == 429 || out.status == 503) out.headers.Set("retry-after", "1");
  return out;
}

net::HttpResponse WrongMethod(std::string_view allowed) {
  net::HttpResponse out =
      ErrorAnswer({ErrorCode::kUnimplemented, fmt::format("this path takes {}", allowed)});
  out.status = 405;
  out.headers.Set("allow", std::string(allowed));
  return out;
}

Result<Parameters> Parameters::Read(const net::HttpRequest& request) {
  Parameters out;
  TRY_ASSIGN(out.values_, request.Query());
  for (const auto& [name, value] : out.values_) {
    if (!IsUtf8(name)) return Fail(ErrorCode::kInvalidArgument, "a parameter's name is no UTF-8");
    if (!IsUtf8(value)) return Fail(ErrorCode::kInvalidArgument, "{}: the value is no UTF-8", name);
  }
  return out;
}

const std::string* Parameters::Find(std::string_view name) const {
  for (const auto& [key, value] : values_) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string Parameters::Text(std::string_view name) const {
  const std::string* value = Find(name);
  return value == nullptr ? "" : *value;
}

Result<int64_t> Parameters::Int(std::string_view name, int64_t fallback, int64_t least, int64_t most) const {
  const std::string* text = Find(name);
  if (text == nullptr) return fallback;
  auto number = ParseInt64(*text);
  if (!number) return Fail(ErrorCode::kInvalidArgument, "{}: '{}' is no whole number", name, *text);
  if (*number < least || *number > most) {
    return Fail(ErrorCode::kInvalidArgument, "{}: {} is not within {} and {}", name, *number, least, most);
  }
  return *number;
}

std::expected<TimeRange, net::HttpResponse> ReadTimeRange(const Parameters& parameters) {
  auto start_ms = parameters.Int("start", 0, 0, kTimeMax_ms);
  if (!start_ms) return std::unexpected(ErrorAnswer(start_ms.error(), "start"));
  auto end_ms = parameters.Int("end", kTimeMax_ms, 0, kTimeMax_ms);
  if (!end_ms) return std::unexpected(ErrorAnswer(end_ms.error(), "end"));
  if (*end_ms < *start_ms) {
    return std::unexpected(ErrorAnswer(
        {ErrorCode::kInvalidArgument, fmt::format("end: {} is before start {}", *end_ms, *start_ms)}, "end"));
  }
  return TimeRange{*start_ms * 1000, *end_ms * 1000 + 999};  // the whole last millisecond
}

}  // namespace beleg::query
