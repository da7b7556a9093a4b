#include "collector/exporters/otlp/otlp_http_exporter.h"

#include <algorithm>

#include "base/bytes.h"
#include "collector/queue/sending_queue.h"
#include "net/http_client.h"
#include "wire/compress.h"
#include "wire/otlp_edit.h"

namespace beleg::collector {
namespace {

constexpr Setting kTable[] = {
    {"endpoint", SettingType::kText, "", "http://host:port; /v1/traces and so on are added"},
    {"traces_endpoint", SettingType::kText, "", "whole URL for traces instead"},
    {"metrics_endpoint", SettingType::kText, "", "whole URL for metrics instead"},
    {"logs_endpoint", SettingType::kText, "", "whole URL for logs instead"},
    {"compression", SettingType::kText, "gzip", "of what is sent", "gzip|zstd|none"},
    {"encoding", SettingType::kText, "proto", "form of what is sent", "proto"},
    {"headers", SettingType::kTextMap, "", "sent with each request"},
    {"timeout", SettingType::kDuration, "30s", "of one request"},
    {"tls.insecure", SettingType::kBool, "false", "for http:// it says nothing new", "", {}, false},
    BELEG_SENDING_QUEUE_SETTINGS,
};
constexpr int kGzipLevel = 1;  // the cost of an exporter is its compression; level 1 gives most of the gain

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
    request.body = compression_ == "gzip"   ? wire::GzipCompress(data.bytes, kGzipLevel)
                   : compression_ == "zstd" ? wire::ZstdCompress(data.bytes)
                                            : data.bytes;
    Result<net::HttpResponse> response = client_->Send(request);
    if (!response) return std::unexpected(SendFailure{response.error(), false, false, false, {}});
    if (response->status / 100 == 2) return Report(response->body);
    return std::unexpected(FailureOf(*response));
  }

  void Cancel() override { client_->Cancel(); }

 private:
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
  bool any = false;
  for (std::string_view path : {"endpoint", "traces_endpoint", "metrics_endpoint", "logs_endpoint"}) {
    const std::string& text = settings.Text(path);
    if (text.empty()) continue;
    any = true;
    auto url = net::ParseUrl(text);
    if (!url)
      problems.Error(settings.mark(path), "{}::{}: {}", settings.where(), path, url.error().message);
    else if (url->tls)
      problems.Error(settings.mark(path), "{}::{}: https is not spoken yet", settings.where(), path);
  }
  if (!any)
    problems.Error(settings.mark("endpoint"), "{}: at least one endpoint must be specified",
                   settings.where());
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
  TransportFactory factory = [url, settings]() -> Result<std::unique_ptr<Transport>> {
    net::HttpClient::Options options;
    options.request_timeout =
        std::chrono::duration_cast<std::chrono::milliseconds>(settings.Duration("timeout"));
    options.connect_timeout = std::min(options.connect_timeout, options.request_timeout);
    options.response_bytes_max = 1 << 20;
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
