#include "collector/receivers/otlp/otlp_receiver.h"

#include "base/log.h"
#include "collector/config/config.h"
#include "collector/config/tls.h"
#include "collector/receivers/intake.h"
#include "net/http_server.h"
#include "net/inline_handler.h"
#include "net/otlp_receiver.h"

namespace beleg::collector {
namespace {

constexpr Setting kTable[] = {
    {"protocols.http", SettingType::kGroup, "", "OTLP over HTTP, protobuf and JSON"},
    {"protocols.http.endpoint", SettingType::kText, "localhost:4318", "where to listen"},
    BELEG_SERVER_TLS_SETTINGS("protocols.http"),
    {"protocols.http.max_request_body_size", SettingType::kCount, "20971520",
     "largest body in bytes, also after decompression"},
    {"protocols.http.cors", SettingType::kAny, "", "browsers of other origins", "", {}, true},
    {"protocols.http.include_metadata", SettingType::kBool, "false", "pass client metadata on", "", {}, true},
    {"protocols.grpc", SettingType::kGroup, "", "OTLP over gRPC"},
    {"protocols.grpc.endpoint", SettingType::kText, "localhost:4317", "where to listen"},
    BELEG_SERVER_TLS_SETTINGS("protocols.grpc"),
    {"protocols.grpc.max_recv_msg_size_mib", SettingType::kCount, "4",
     "largest message in MiB, also after decompression"},
    {"protocols.grpc.max_concurrent_streams", SettingType::kCount, "1000", "calls of one connection at once"},
    {"protocols.grpc.include_metadata", SettingType::kBool, "false", "pass client metadata on", "", {}, true},
    {"protocols.grpc.keepalive", SettingType::kAny, "", "pings", "", {}, true},
    {"protocols.grpc.read_buffer_size", SettingType::kCount, "524288", "buffer", "", {}, true},
    {"protocols.grpc.write_buffer_size", SettingType::kCount, "32768", "buffer", "", {}, true},
};

// What the doors of net/otlp_receiver.h let in.
class Entrance final : public net::OtlpSink {
 public:
  Entrance(const std::string& id, std::string_view transport, const Outputs& outputs, const World& world)
      : intake_(id, transport, outputs, world) {}

  bool Has(net::OtlpSignal signal) const override { return intake_.Has(SignalOf(signal)); }
  Result<wire::otlp::PartialSuccess> Take(net::OtlpSignal signal, std::string request) override {
    TRY(intake_.Take(SignalOf(signal), std::move(request)));
    return wire::otlp::PartialSuccess{};
  }
  void Unreadable(net::OtlpSignal signal) override { intake_.Failed(SignalOf(signal)); }

 private:
  static Signal SignalOf(net::OtlpSignal signal) {
    switch (signal) {
      case net::OtlpSignal::kTraces: return Signal::kTraces;
      case net::OtlpSignal::kMetrics: return Signal::kMetrics;
      case net::OtlpSignal::kLogs: break;
    }
    return Signal::kLogs;
  }

  Intake intake_;
};

class OtlpServer final : public Receiver {
 public:
  OtlpServer(const std::string& id, const Settings& settings, const Outputs& outputs, const World& world)
      : id_(id),
        settings_(settings),
        world_(world),
        http_entrance_(id, "http", outputs, world),
        grpc_entrance_(id, "grpc", outputs, world) {}

  Result<void> Start() override {
    if (settings_.Has("protocols.http")) TRY(StartHttp());
    if (settings_.Has("protocols.grpc")) TRY(StartGrpc());
    return {};
  }

  void Stop(std::chrono::milliseconds drain) override {
    if (http_ != nullptr) http_->Stop(drain);
    if (grpc_ != nullptr) grpc_->Stop(drain);
  }

 private:
  Result<void> StartHttp() {
    net::HttpServerOptions options;
    TRY_ASSIGN(options.listen, net::ParseEndpoint(settings_.Text("protocols.http.endpoint")));
    TRY_ASSIGN(options.tls, ServerTls(settings_, "protocols.http"));
    options.body_bytes_max = settings_.Count("protocols.http.max_request_body_size");
    auto answer = [this, max = options.body_bytes_max](net::HttpRequest& request) {
      return net::AnswerOtlpHttp(http_entrance_, request, max);
    };
    auto server = net::HttpServer::Listen(options, net::Inline(answer));
    if (!server) return Fail(std::move(server.error()), "{}: protocols::http", settings_.where());
    http_ = std::move(*server);
    Tell("http", options.listen.host, http_->port());
    return {};
  }

  Result<void> StartGrpc() {
    net::GrpcServerOptions options;
    TRY_ASSIGN(options.listen, net::ParseEndpoint(settings_.Text("protocols.grpc.endpoint")));
    TRY_ASSIGN(options.tls, ServerTls(settings_, "protocols.grpc"));
    options.message_bytes_max = settings_.Count("protocols.grpc.max_recv_msg_size_mib") << 20;
    options.calls_max = settings_.Count("protocols.grpc.max_concurrent_streams");
    auto answer = [this](net::GrpcCall call) { return net::AnswerOtlpGrpc(grpc_entrance_, call); };
    auto server = net::GrpcServer::Listen(options, net::Inline(answer));
    if (!server) return Fail(std::move(server.error()), "{}: protocols::grpc", settings_.where());
    grpc_ = std::move(*server);
    Tell("grpc", options.listen.host, grpc_->port());
    return {};
  }

  void Tell(std::string_view protocol, std::string_view host, uint16_t port) {
    LOG_INFO("collector.listening", F("receiver", id_), F("protocol", protocol), F("host", host),
             F("port", port));
    world_.listening({id_, std::string(protocol), port});
  }

  const std::string id_;
  const Settings settings_;
  const World& world_;
  Entrance http_entrance_, grpc_entrance_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<net::GrpcServer> grpc_;
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  if (!settings.Has("protocols.http") && !settings.Has("protocols.grpc"))
    problems.Error(settings.mark(),
                   "{}::protocols: must specify at least one protocol when using the OTLP receiver",
                   settings.where());
  for (std::string_view path : {"protocols.http.endpoint", "protocols.grpc.endpoint"})
    if (!ParseHostPort(settings.Text(path)))
      problems.Error(settings.mark(path), "{}: \"{}\" is no host:port", settings.Name(path),
                     settings.Text(path));
  for (std::string_view prefix : {"protocols.http", "protocols.grpc"})
    CheckServerTls(settings, prefix, problems);
}

std::vector<std::string> Listens(const Settings& settings) {
  std::vector<std::string> out;
  if (settings.Has("protocols.http")) out.push_back(settings.Text("protocols.http.endpoint"));
  if (settings.Has("protocols.grpc")) out.push_back(settings.Text("protocols.grpc.endpoint"));
  return out;
}

Result<std::unique_ptr<Receiver>> Make(const std::string& id, const Settings& settings,
                                       const Outputs& outputs, const World& world) {
  return std::make_unique<OtlpServer>(id, settings, outputs, world);
}

}  // namespace

Component OtlpReceiver() {
  Component out{ComponentKind::kReceiver, "otlp", "", "OTLP over gRPC and HTTP.", kTable};
  out.check = Check;
  out.listens = Listens;
  out.receiver = Make;
  return out;
}

}  // namespace beleg::collector
