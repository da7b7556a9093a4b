#include "serve/span_peer.h"

#include <algorithm>

#include "base/bytes.h"
#include "net/grpc_client.h"
#include "net/http_client.h"

namespace beleg::serve {
namespace {

constexpr std::chrono::milliseconds kRequestTimeout{10'000};
constexpr size_t kAnswerBytesMax = 1 << 20;
constexpr std::chrono::seconds kRetryAfterMax{60};
constexpr std::string_view kExportMethod = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

class HttpPeer final : public SpanPeer {
 public:
  HttpPeer(std::unique_ptr<net::HttpClient> client, net::HttpHeaders headers)
      : client_(std::move(client)), headers_(std::move(headers)) {
    headers_.Set("Content-Type", "application/x-protobuf");
  }
  SpanPeerAnswer Send(std::string_view request) override;
  void Cancel() override { client_->Cancel(); }

 private:
  const std::unique_ptr<net::HttpClient> client_;
  net::HttpHeaders headers_;
};

SpanPeerAnswer HttpPeer::Send(std::string_view request) {
  SpanPeerAnswer out;
  Result<net::HttpResponse> response = client_->Send({"POST", "", headers_, std::string(request), ""});
  if (!response) {
    out.why = response.error().message;
    return out;
  }
  if (response->status / 100 == 2) {
    out.answer = SpanExport::Answer::kTaken;
    return out;
  }
  out.why = fmt::format("HTTP {}", response->status);
  if (auto text = response->headers.Get("retry-after"))
    if (auto seconds = ParseUint64(*text))
      out.retry_after = std::chrono::seconds(std::min<uint64_t>(*seconds, kRetryAfterMax.count()));
  constexpr int kTryAgain[] = {401, 403, 404, 408, 429};
  if (response->status < 500 && std::ranges::find(kTryAgain, response->status) == std::end(kTryAgain))
    out.answer = SpanExport::Answer::kWrong;
  return out;
}

class GrpcPeer final : public SpanPeer {
 public:
  GrpcPeer(std::unique_ptr<net::GrpcClient> client, net::HttpHeaders metadata)
      : client_(std::move(client)), metadata_(std::move(metadata)) {}
  SpanPeerAnswer Send(std::string_view request) override;
  void Cancel() override { client_->Cancel(); }

 private:
  const std::unique_ptr<net::GrpcClient> client_;
  const net::HttpHeaders metadata_;
};

SpanPeerAnswer GrpcPeer::Send(std::string_view request) {
  SpanPeerAnswer out;
  Result<net::GrpcReply> reply = client_->Call(kExportMethod, metadata_, request);
  if (!reply) {
    out.why = reply.error().message;
    return out;
  }
  if (reply->status.ok()) {
    out.answer = SpanExport::Answer::kTaken;
    return out;
  }
  out.why = fmt::format("{}: {}", net::GrpcCodeName(reply->status.code), reply->status.message);
  out.retry_after = net::RetryDelay(*reply);
  if (out.retry_after)
    out.retry_after = std::min<std::chrono::milliseconds>(*out.retry_after, kRetryAfterMax);
  // RESOURCE_EXHAUSTED is of a full peer or of a message that is too large; the words tell.
  bool too_large = reply->status.code == net::GrpcCode::kResourceExhausted && !out.retry_after &&
                   reply->status.message.find("larger than max") != std::string::npos;
  if (too_large || reply->status.code == net::GrpcCode::kInvalidArgument)
    out.answer = SpanExport::Answer::kWrong;
  return out;
}

}  // namespace

Result<std::unique_ptr<SpanPeer>> SpanPeer::Open(OtlpProtocol protocol, const std::string& endpoint,
                                                 net::HttpHeaders headers) {
  if (protocol == OtlpProtocol::kGrpc) {
    net::GrpcClientOptions options;
    options.call_timeout = kRequestTimeout;
    TRY_ASSIGN(std::unique_ptr<net::GrpcClient> client, net::GrpcClient::Open(endpoint, std::move(options)));
    return std::make_unique<GrpcPeer>(std::move(client), std::move(headers));
  }
  net::HttpClient::Options options;
  options.request_timeout = kRequestTimeout;
  options.response_bytes_max = kAnswerBytesMax;
  TRY_ASSIGN(std::unique_ptr<net::HttpClient> client, net::HttpClient::Open(endpoint, std::move(options)));
  return std::make_unique<HttpPeer>(std::move(client), std::move(headers));
}

}  // namespace beleg::serve
