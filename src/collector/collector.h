// Collector: takes telemetry in, changes it, sends it on, as an OpenTelemetry Collector's configuration says.
//
// Shape:   OTLP requests are protobuf bytes from receiver to exporter; editors rewrite only what changes, batches are joined
//          by appending.
// Loss:    what was acknowledged is in memory until a destination took it: an outage loses nothing as long as the queue has
//          room, and a full queue is told to the sender (RESOURCE_EXHAUSTED, HTTP 429). A crash loses what is in memory.
// Threads: Start and Stop from one.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>

#include "collector/config/config.h"
#include "collector/graph/graph.h"
#include "net/http_server.h"

namespace beleg::collector {

struct CollectorOptions {
  const Clock* clock = nullptr;                 // nullptr: the host's
  std::function<void(std::string_view)> print;  // of the debug exporter; default: stderr
};

class Collector {
 public:
  // Everything listens when it returns. Errors: kAlreadyExists (address in use) and others, naming the component.
  static Result<std::unique_ptr<Collector>> Start(Config config, CollectorOptions options);
  ~Collector() { Stop(std::chrono::milliseconds(0)); }

  // Stops receiving, then sends what is inside until drain is over; what remains is logged as lost.
  void Stop(std::chrono::milliseconds drain);

  const MetricRegistry& metrics() const { return metrics_; }
  // Where the receivers listen, in the order of their start.
  const std::vector<Listener>& listeners() const { return listeners_; }
  uint16_t metrics_port() const { return metrics_server_ == nullptr ? 0 : metrics_server_->port(); }

 private:
  Collector(Config config, CollectorOptions options);
  Result<void> ServeMetrics();

  const Config config_;
  SystemClock system_clock_;
  MetricRegistry metrics_;
  World world_;
  std::vector<Listener> listeners_;
  std::atomic<bool> running_{false};
  std::unique_ptr<Graph> graph_;
  std::unique_ptr<net::HttpServer> metrics_server_;
};

}  // namespace beleg::collector
