#include "collector/collector.h"

#include <cstdio>

#include "base/log.h"
#include "net/inline_handler.h"

namespace beleg::collector {

Collector::Collector(Config config, CollectorOptions options) : config_(std::move(config)) {
  world_.metrics = &metrics_;
  world_.clock = options.clock != nullptr ? options.clock : &system_clock_;
  world_.print = options.print ? std::move(options.print) : [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
  };
  world_.healthy = [this] { return running_.load(); };
  world_.listening = [this](Listener listener) { listeners_.push_back(std::move(listener)); };
}

Result<std::unique_ptr<Collector>> Collector::Start(Config config, CollectorOptions options) {
  std::unique_ptr<Collector> collector(new Collector(std::move(config), std::move(options)));
  TRY_ASSIGN(collector->graph_, Graph::Build(collector->config_, collector->world_));
  TRY(collector->ServeMetrics());
  TRY(collector->graph_->Start());
  collector->running_ = true;
  return collector;
}

void Collector::Stop(std::chrono::milliseconds drain) {
  running_ = false;
  if (graph_ != nullptr) graph_->Stop(drain);
  if (metrics_server_ != nullptr) metrics_server_->Stop(std::chrono::milliseconds(100));
}

Result<void> Collector::ServeMetrics() {
  if (config_.metrics_listen.empty()) return {};
  const Clock& clock = *world_.clock;
  Gauge& uptime = metrics_.AddGauge("otelcol_process_uptime", "Seconds since the start.");
  net::HttpServerOptions options;
  TRY_ASSIGN(options.listen, net::ParseEndpoint(config_.metrics_listen));
  auto answer = [this, &uptime, &clock, begun = clock.MonoMicros()](net::HttpRequest& request) {
    if (request.path() != "/metrics") return net::MakeResponse(404, "text/plain", "404 page not found");
    uptime.Set(static_cast<double>(clock.MonoMicros() - begun) / 1e6);
    return net::MakeResponse(200, "text/plain; version=0.0.4; charset=utf-8", metrics_.RenderPrometheus());
  };
  auto server = net::HttpServer::Listen(options, net::Inline(answer));
  if (!server) return Fail(std::move(server.error()), "service::telemetry::metrics");
  metrics_server_ = std::move(*server);
  return {};
}

}  // namespace beleg::collector
