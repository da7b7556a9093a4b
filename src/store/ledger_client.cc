#include "store/ledger_client.h"

#include "wire/json.h"

namespace beleg::store {
namespace {

constexpr size_t kAnswerBytesMax = 32 << 20;  // a bundle has at most 16.8 MB
constexpr size_t kQuotedMax = 200;

ErrorCode CodeOf(int status) {
  if (status == 401 || status == 403) return ErrorCode::kUnauthenticated;
  if (status == 404) return ErrorCode::kNotFound;
  return status >= 500 || status == 429 ? ErrorCode::kUnavailable : ErrorCode::kDataLoss;
}

std::string TextAt(const wire::Json& json, std::string_view key) {
  const wire::Json* value = json.Find(key);
  return value != nullptr && value->is_string() ? value->as_string() : "";
}

}  // namespace

Result<std::unique_ptr<LedgerClient>> LedgerClient::Open(const std::string& url, std::string token) {
  TRY_ASSIGN(net::Url parsed, net::ParseUrl(url));
  net::HttpClient::Options options;
  options.response_bytes_max = kAnswerBytesMax;
  TRY_ASSIGN(auto client, net::HttpClient::Open(url, options));
  std::string prefix = parsed.target;
  if (!prefix.ends_with('/')) prefix += '/';
  return std::unique_ptr<LedgerClient>(
      new LedgerClient(std::move(client), std::move(prefix), std::move(token)));
}

Result<LedgerClient::Tip> LedgerClient::FetchTip() {
  TRY_ASSIGN(std::string body, Fetch("audit/tip"));
  auto json = wire::Json::Parse(body);
  if (!json) return Fail(ErrorCode::kDataLoss, "audit/tip: {}", json.error().message);
  Tip tip;
  tip.origin = TextAt(*json, "origin");
  tip.vkey = TextAt(*json, "vkey");
  const wire::Json* size = json->Find("size");
  if (size == nullptr || !size->is_int() || size->as_int() < 0 || tip.origin.empty() || tip.vkey.empty()) {
    return Fail(ErrorCode::kDataLoss, "audit/tip: want size, origin and vkey");
  }
  tip.size = static_cast<uint64_t>(size->as_int());
  return tip;
}

Result<std::string> LedgerClient::Fetch(const std::string& path) {
  net::HttpHeaders headers;
  if (!token_.empty()) headers.Add("authorization", "Bearer " + token_);
  auto response = client_->Get(prefix_ + path, std::move(headers));
  if (!response) return Fail(response.error(), "{}", path);
  if (response->status == 200) return std::move(response->body);
  return Fail(CodeOf(response->status), "{}: status {}: {}", path, response->status,
              response->body.substr(0, kQuotedMax));
}

}  // namespace beleg::store
