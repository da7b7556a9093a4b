#include "collector/extensions/health_check/health_check.h"

#include "collector/config/config.h"
#include "net/inline_handler.h"

namespace beleg::collector {
namespace {

constexpr Setting kTable[] = {
    {"endpoint", SettingType::kText, "localhost:13133", "where to listen"},
    {"path", SettingType::kText, "/", "the path that answers"},
    {"response_body", SettingType::kAny, "", "other bodies", "", {}, true},
    {"check_collector_pipeline", SettingType::kAny, "", "was never of use", "", {}, true},
};

class HealthCheck final : public Extension {
 public:
  HealthCheck(const Settings& settings, const World& world) : settings_(settings), world_(world) {}

  Result<void> Start() override {
    net::HttpServerOptions options;
    TRY_ASSIGN(options.listen, net::ParseEndpoint(settings_.Text("endpoint")));
    auto server = net::HttpServer::Listen(
        options, net::Inline([this](net::HttpRequest& request) { return Answer(request); }));
    if (!server) return Fail(std::move(server.error()), "{}", settings_.where());
    server_ = std::move(*server);
    return {};
  }

  void Stop(std::chrono::milliseconds drain) override {
    if (server_ != nullptr) server_->Stop(drain);
  }

 private:
  net::HttpResponse Answer(const net::HttpRequest& request) const {
    if (request.path() != settings_.Text("path"))
      return net::MakeResponse(404, "text/plain", "404 page not found");
    bool healthy = world_.healthy();
    return net::MakeResponse(
        healthy ? 200 : 503, "application/json",
        fmt::format(R"({{"status":"{}"}})", healthy ? "Server available" : "Server not available"));
  }

  const Settings settings_;
  const World& world_;
  std::unique_ptr<net::HttpServer> server_;
};

void Check(std::string_view, const Settings& settings, Problems& problems) {
  if (!ParseHostPort(settings.Text("endpoint")))
    problems.Error(settings.mark("endpoint"), "{}::endpoint: \"{}\" is no host:port", settings.where(),
                   settings.Text("endpoint"));
}

Result<std::unique_ptr<Extension>> Make(const std::string&, const Settings& settings, const World& world) {
  return std::make_unique<HealthCheck>(settings, world);
}

}  // namespace

Component HealthCheckExtension() {
  Component out{ComponentKind::kExtension, "health_check", "",
                "Answers over HTTP whether the collector runs.", kTable};
  out.check = Check;
  out.extension = Make;
  return out;
}

}  // namespace beleg::collector
