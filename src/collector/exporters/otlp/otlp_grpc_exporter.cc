#include "collector/exporters/otlp/otlp_grpc_exporter.h"

#include "collector/config/config.h"
#include "collector/config/tls.h"
#include "collector/queue/sending_queue.h"
#include "net/grpc_client.h"
#include "net/otlp_receiver.h"
#include "wire/otlp_edit.h"

namespace beleg::collector {
namespace {

constexpr Setting kTable[] = {
    {"endpoint", SettingType::kText, "",
     "host:port; https:// before it is with TLS, http:// without, whatever tls.insecure says"},
    {"compression", SettingType::kText, "gzip", "of what is sent", "gzip|zstd|none"},
    {"headers", SettingType::kTextMap, "", "metadata sent with each call"},
    {"timeout", SettingType::kDuration, "5s", "of one call"},
    BELEG_CLIENT_TLS_SETTINGS,
    {"wait_for_ready", SettingType::kBool, "false", "wait for the connection", "", {}, true},
    {"balancer_name", SettingType::kText, "", "client-side balancing", "", {}, true},
    {"keepalive", SettingType::kAny, "", "pings", "", {}, true},
    {"read_buffer_size", SettingType::kCount, "32768", "buffer", "", {}, true},
    {"write_buffer_size", SettingType::kCount, "524288", "buffer", "", {}, true},
    BELEG_SENDING_QUEUE_SETTINGS,
};

SendFailure FailureOf(const net::GrpcReply& reply) {
  SendFailure out;
  out.error = {ErrorCode::kUnavailable,
               fmt::format("{}: {}", net::GrpcCodeName(reply.status.code), reply.status.message)};
  out.retry_after = net::RetryDelay(reply);
  switch (reply.status.code) {
    case net::GrpcCode::kInvalidArgument: out.permanent = out.splittable = true; break;
    case net::GrpcCode::kResourceExhausted:
      // Of a full peer or of a message that is too large; the words tell.
      out.permanent = out.splittable =
          !out.retry_after && reply.status.message.find("larger than max") != std::string::npos;
      break;
    case net::GrpcCode::kUnimplemented:
    case net::GrpcCode::kAlreadyExists:
    case net::GrpcCode::kFailedPrecondition: out.permanent = true; break;
    case net::GrpcCode::kUnknown:
    case net::GrpcCode::kInternal: out.doubtful = true; break;
    case net::GrpcCode::kOk:
    case net::GrpcCode::kCancelled:
    case net::GrpcCode::kDeadlineExceeded:
    case net::GrpcCode::kNotFound:
    case net::GrpcCode::kPermissionDenied:
    case net::GrpcCode::kAborted:
    case net::GrpcCode::kOutOfRange:
    case net::GrpcCode::kUnavailable:
    case net::GrpcCode::kDataLoss:
    case net::GrpcCode::kUnauthenticated: break;
  }
  return out;
}

std::string_view MethodOf(Signal signal) {
  switch (signal) {
    case Signal::kTraces: return net::OtlpExportMethod(net::OtlpSignal::kTraces);
    case Signal::kMetrics: return net::OtlpExportMethod(net::OtlpSignal::kMetrics);
    case Signal::kLogs: break;
  }
  return net::OtlpExportMethod(net::OtlpSignal::kLogs);
}

net::GrpcCompression CompressionOf(std::string_view name) {
  return name == "gzip"   ? net::GrpcCompression::kGzip
         : name == "zstd" ? net::GrpcCompression::kZstd
                          : net::GrpcCompression::kNone;
}

class GrpcTransport final : public Transport {
 public:
  GrpcTransport(std::shared_ptr<net::GrpcClient> client, const Settings& settings)
      : client_(std::move(client)) {
    for (const auto& [name, value] : settings.TextMap("headers")) headers_.Add(name, value);
  }

  SendResult Send(const Data& data) override {
    Result<net::GrpcReply> reply = client_->Call(MethodOf(data.signal), headers_, data.bytes);
    if (!reply) return std::unexpected(SendFailure{reply.error(), false, false, false, {}});
    if (!reply->status.ok()) return std::unexpected(FailureOf(*reply));
    auto partial = wire::otlp::DecodeExportResponse(reply->message);
    return partial ? SendReport{partial->rejected, partial->message} : SendReport{};
  }

  void Cancel() override { client_->Cancel(); }

 private:
  // Shared by all consumers of the exporter: one connection carries their calls at once.
  const std::shared_ptr<net::GrpcClient> client_;
  net::HttpHeaders headers_;
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  CheckSendingQueue(settings, problems);
  const std::string& endpoint = settings.Text("endpoint");
  if (endpoint.empty())
    return problems.Error(settings.mark("endpoint"), "{}: requires a non-empty \"endpoint\"",
                          settings.where());
  auto parsed = ParseHostPort(endpoint);
  if (!parsed || parsed->host.empty() || parsed->port == 0)
    return problems.Error(settings.mark("endpoint"), "{}::endpoint: \"{}\" is no host:port", settings.where(),
                          endpoint);
  CheckClientTls(settings, endpoint, problems);
}

Result<std::unique_ptr<Exporter>> Make(const std::string& id, const Settings& settings, Signal signal,
                                       const World& world) {
  net::GrpcClientOptions options;
  options.compression = CompressionOf(settings.Text("compression"));
  options.call_timeout = std::chrono::duration_cast<std::chrono::milliseconds>(settings.Duration("timeout"));
  options.connect_timeout = std::min(options.connect_timeout, options.call_timeout);
  options.backoff_max = std::chrono::milliseconds(2'000);  // the queue's own pauses are the longer ones
  TRY_ASSIGN(options.tls, ClientTls(settings, settings.Text("endpoint")));
  TRY_ASSIGN(auto opened, net::GrpcClient::Open(settings.Text("endpoint"), options));
  TransportFactory factory = [client = std::shared_ptr<net::GrpcClient>(std::move(opened)),
                              settings]() -> Result<std::unique_ptr<Transport>> {
    return std::make_unique<GrpcTransport>(client, settings);
  };
  return std::make_unique<SendingQueue>(id, signal, ReadSendingQueue(settings), std::move(factory), world);
}

}  // namespace

Component OtlpGrpcExporter() {
  Component out{ComponentKind::kExporter, "otlp", "otlp_grpc", "OTLP over gRPC.", kTable};
  out.check = Check;
  out.dials = [](const Settings& settings) { return std::vector<std::string>{settings.Text("endpoint")}; };
  out.exporter = Make;
  return out;
}

}  // namespace beleg::collector
