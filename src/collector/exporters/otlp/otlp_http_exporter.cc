#include "collector/exporters/otlp/otlp_http_exporter.h"

#include <algorithm>

#include "base/bytes.h"
#include "collector/config/tls.h"
#include "collector/queue/sending_queue.h"
#include "net/http_client.h"
#include "wire/compress.h"
#include "wire/otlp_edit.h"

namespace beleg::collector {
namespace {

constexpr Setting kTable[] = {
    {"endpoint", SettingType::kText, "",
     "http://host:port or https://host:port; /v1/traces and so on are added"},
    {"traces_endpoint", SettingType::kText, "", "whole URL for traces instead"},
    {"metrics_endpoint", SettingType::kText, "", "whole URL for metrics instead"},
    {"logs_endpoint", SettingType::kText, "", "whole URL for logs instead"},
    {"compression", SettingType::kText, "gzip", "of what is sent", "gzip|zstd|zlib|deflate|snappy|none"},
    {"encoding", SettingType::kText, "proto", "form of what is sent", "proto"},
    {"headers", SettingType::kTextMap, "", "sent with each request"},
    {"timeout", SettingType::kDuration, "30s", "of one request"},
    BELEG_CLIENT_TLS_SETTINGS,
    BELEG_SENDING_QUEUE_SETTINGS,
};
constexpr int kFastLevel = 1;  // the cost of an exporter is its compression; level 1 gives most of the gain

std::string UrlOf(const Settings& settings, Signal signal) {
  const std::string& own = settings.Text(fmt::format("{}_endpoint", SignalName(signal)));
  if (!own.empty()) return own;
  std::string base = settings.Text("endpoint");
  while (base.ends_with('/')) base.pop_back();
  return base.empty() ? base : fmt::format("{}/v1/{}", base, SignalName(signal));
}

class HttpTransport final : public Transport {
 public:
  HttpTransport(std::unique_ptr<net::HttpClient> client, const Settings& settings)
      : client_(std::move(client)) {
    compression_ = settings.Text("compression");
    for (const auto& [name, value] : settings.TextMap("headers")) headers_.Add(name, value);
    headers_.Set("content-type", "application/x-protobuf");
    if (compression_ != "none") headers_.Set("content-encoding", compression_);
  }

  SendResult Send(const Data& data) override {
    net::HttpRequest request{"POST", "", headers_, "", ""};
    request.body = Pack(data.bytes);
    Result<net::HttpResponse> response = client_->Send(request);
    if (!response) return std::unexpected(SendFailure{response.error(), false, false, false, {}});
    if (response->status / 100 == 2) return Report(response->body);
    return std::unexpected(FailureOf(*response));
  }

  void Cancel() override { client_->Cancel(); }

 private:
  std::string Pack(const std::string& bytes) const {
    if (compression_ == "gzip") return wire::GzipCompress(bytes, kFastLevel);
    if (compression_ == "zstd") return wire::ZstdCompress(bytes);
    if (compression_ == "zlib" || compression_ == "deflate") return wire::ZlibCompress(bytes, kFastLevel);
    if (compression_ == "snappy") return wire::SnappyCompress(bytes);
    return bytes;
  }

  static SendReport Report(std::string_view body) {
    auto partial = wire::otlp::DecodeExportResponse(body);
    return partial ? SendReport{partial->rejected, partial->message} : SendReport{};
  }

  // Retried: what OTLP says (429, 502, 503, 504), and what an operator mends while we wait: a wrong key, a path that is not
  // there yet.
  static SendFailure FailureOf(const net::HttpResponse& response) {
    constexpr int kAgain[] = {401, 403, 404, 408, 429, 500, 502, 503, 504};
    SendFailure out;
    out.permanent = std::ranges::find(kAgain, response.status) == std::end(kAgain);
    out.doubtful = response.status == 500;
    out.splittable = response.status == 400 || response.status == 413;
    out.error = {out.permanent ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable,
                 fmt::format("HTTP status {} {}", response.status, wire::otlp::StatusMessage(response.body))};
    if (auto after = response.headers.Get("retry-after"))
      if (auto seconds = ParseUint64(*after))
        out.retry_after = std::chrono::seconds(std::min<uint64_t>(*seconds, 300));
    return out;
  }

  std::unique_ptr<net::HttpClient> client_;
  net::HttpHeaders headers_;
  std::string compression_;
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  CheckSendingQueue(settings, problems);
  std::string_view used;
  for (std::string_view path : {"endpoint", "traces_endpoint", "metrics_endpoint", "logs_endpoint"}) {
    const std::string& text = settings.Text(path);
    if (text.empty()) continue;
    if (used.empty()) used = text;
    auto url = net::ParseUrl(text);
    if (!url) problems.Error(settings.mark(path), "{}: {}", settings.Name(path), url.error().message);
  }
  if (used.empty())
    problems.Error(settings.mark("endpoint"), "{}: at least one endpoint must be specified",
                   settings.where());
  else
    CheckClientTls(settings, used, problems);
}

std::vector<std::string> Dials(const Settings& settings) {
  std::vector<std::string> out;
  for (Signal signal : kSignals)
    if (std::string url = UrlOf(settings, signal); !url.empty() && std::ranges::find(out, url) == out.end())
      out.push_back(url);
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<std::unique_ptr<Exporter>> Make(const std::string& id, const Settings& settings, Signal signal,
                                       const World& world) {
  std::string url = UrlOf(settings, signal);
  if (url.empty())
    return Fail(ErrorCode::kInvalidArgument, "{}: no endpoint for {}", settings.where(), SignalName(signal));
  TRY_ASSIGN(auto tls, ClientTls(settings, url));
  TransportFactory factory = [url, settings, tls]() -> Result<std::unique_ptr<Transport>> {
    net::HttpClient::Options options;
    options.request_timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(settings.Duration("timeout"));
    options.connect_timeout = std::min(options.connect_timeout, options.request_timeout);
    options.response_bytes_max = 1 << 20;
    options.tls = tls;
    TRY_ASSIGN(std::unique_ptr<net::HttpClient> client, net::HttpClient::Open(url, options));
    return std::make_unique<HttpTransport>(std::move(client), settings);
  };
  return std::make_unique<SendingQueue>(id, signal, ReadSendingQueue(settings), std::move(factory), world);
}

}  // namespace

Component OtlpHttpExporter() {
  Component out{ComponentKind::kExporter, "otlphttp", "otlp_http", "OTLP over HTTP.", kTable};
  out.check = Check;
  out.dials = Dials;
  out.exporter = Make;
  return out;
}

}  // namespace beleg::collector
