#include "audit/web_client.h"

#include "audit/report_text.h"
#include "base/bytes.h"

namespace beleg::audit {
namespace {

constexpr size_t kAnswerBytesMax = 64 << 20;
constexpr size_t kQuoteBytesMax = 200;

ErrorCode CodeOf(int status) {
  if (status == 404 || status == 410) return ErrorCode::kNotFound;
  if (status == 401) return ErrorCode::kUnauthenticated;
  if (status == 403) return ErrorCode::kPermissionDenied;
  if (status == 429 || status >= 500) return ErrorCode::kUnavailable;
  return ErrorCode::kInvalidArgument;
}

// The start of an error page, on one line.
std::string Quote(std::string_view body) {
  std::string out = OneLine(body.substr(0, kQuoteBytesMax));
  while (out.ends_with(' ')) out.pop_back();
  return body.size() > kQuoteBytesMax ? out + " …" : out;
}

const wire::Json* Child(const wire::Json& parent, std::string_view key) {
  if (!parent.is_array()) return parent.Find(key);
  auto index = ParseUint64(key);
  return index && *index < parent.as_array().size() ? &parent.as_array()[*index] : nullptr;
}

}  // namespace

Result<std::unique_ptr<WebClient>> WebClient::Open(std::string_view base_url, std::string token,
                                                   std::chrono::milliseconds timeout) {
  std::string base(base_url);
  while (base.ends_with('/')) base.pop_back();
  TRY_ASSIGN(net::Url url, net::ParseUrl(base));
  if (url.target.find('?') != std::string::npos)
    return Fail(ErrorCode::kInvalidArgument, "{}: a base URL has no query", base);
  net::HttpClient::Options options;
  options.request_timeout = timeout;
  options.response_bytes_max = kAnswerBytesMax;
  TRY_ASSIGN(auto client, net::HttpClient::Open(base, options));
  std::string path = url.target.ends_with('/') ? url.target : url.target + "/";
  return std::unique_ptr<WebClient>(
      new WebClient(std::move(client), std::move(base), std::move(path), std::move(token)));
}

Result<net::HttpResponse> WebClient::Get(std::string_view path) {
  net::HttpRequest request;
  request.method = "GET";
  request.target = base_path_ + std::string(path);
  return Send(std::move(request));
}

Result<net::HttpResponse> WebClient::Post(std::string_view path, std::string content_type, std::string body) {
  net::HttpRequest request;
  request.method = "POST";
  request.target = base_path_ + std::string(path);
  request.headers.Add("Content-Type", std::move(content_type));
  request.body = std::move(body);
  return Send(std::move(request));
}

Result<net::HttpResponse> WebClient::Delete(std::string_view path) {
  net::HttpRequest request;
  request.method = "DELETE";
  request.target = base_path_ + std::string(path);
  return Send(std::move(request));
}

Result<wire::Json> WebClient::GetJson(std::string_view path) {
  TRY_ASSIGN(net::HttpResponse response, Get(path));
  auto json = wire::Json::Parse(response.body);
  if (!json) return Fail(ErrorCode::kDataLoss, "GET {}/{}: {}", base_url_, path, json.error().message);
  return std::move(*json);
}

Result<net::HttpResponse> WebClient::Send(net::HttpRequest request) {
  if (!token_.empty()) request.headers.Add("Authorization", "Bearer " + token_);
  std::string what = fmt::format("{} {}{}", request.method, base_url_,
                                 std::string_view(request.target).substr(base_path_.size() - 1));
  auto response = client_->Send(request);
  if (!response) return Fail(std::move(response.error()), "{}", what);
  if (response->status < 200 || response->status > 299)
    return Fail(CodeOf(response->status), "{}: HTTP {} {}", what, response->status, Quote(response->body));
  return response;
}

std::string PercentEncode(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                 c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return out;
}

Result<const wire::Json*> JsonAt(const wire::Json& root, std::string_view path) {
  const wire::Json* here = &root;
  for (size_t start = 0; start <= path.size();) {
    size_t end = std::min(path.find('.', start), path.size());
    here = Child(*here, path.substr(start, end - start));
    if (here == nullptr) return Fail(ErrorCode::kDataLoss, "{}: missing", path.substr(0, end));
    start = end + 1;
  }
  return here;
}

Result<std::string> StringAt(const wire::Json& root, std::string_view path) {
  TRY_ASSIGN(const wire::Json* value, JsonAt(root, path));
  if (!value->is_string())
    return Fail(ErrorCode::kDataLoss, "{}: is {}, want a string", path, value->type_name());
  return value->as_string();
}

Result<int64_t> IntAt(const wire::Json& root, std::string_view path) {
  TRY_ASSIGN(const wire::Json* value, JsonAt(root, path));
  if (!value->is_int())
    return Fail(ErrorCode::kDataLoss, "{}: is {}, want a whole number", path, value->type_name());
  return value->as_int();
}

}  // namespace beleg::audit
