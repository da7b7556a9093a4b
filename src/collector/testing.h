// For tests of components and of whole collectors: a peer that can be told to fail, and telemetry to send.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/mutex.h"
#include "collector/collector.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/inline_handler.h"
#include "net/reserved_port.h"
#include "wire/compress.h"
#include "wire/otlp.h"
#include "wire/otlp_edit.h"

namespace beleg::collector {

// Waits until it is true; a test fails instead of hanging.
inline bool Eventually(const std::function<bool()>& condition) {
  Mutex mutex;
  CondVar never;
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    MutexLock lock(mutex);
    never.WaitFor(mutex, std::chrono::milliseconds(2));
  }
  return true;
}

// One span whose name is `name`, under service.name "vllm".
inline std::string OneSpan(const std::string& name) {
  wire::otlp::ScopeSpans scope;
  scope.resource = {{"service.name", "vllm"}};
  scope.scope_name = "test";
  wire::otlp::Span& span = scope.spans.emplace_back();
  span.trace_id.bytes.fill(1);
  span.span_id.bytes.fill(2);
  span.name = name;
  return wire::otlp::EncodeTraces({scope});
}

// A destination of OTLP over HTTP.
class Sink {
 public:
  explicit Sink(uint16_t port = 0, std::shared_ptr<const net::TlsContext> tls = {}) {
    net::HttpServerOptions options;
    options.tls = std::move(tls);
    options.listen.port = port;
    auto server = net::HttpServer::Listen(
        options, net::Inline([this](net::HttpRequest& request) { return Answer(request); }));
    EXPECT_TRUE(server.has_value()) << (server ? "" : server.error().message);
    server_ = std::move(*server);
  }

  uint16_t port() const { return server_->port(); }
  // What it answers from now on; 200 takes.
  void SetStatus(int status) { status_ = status; }
  // Answers 400 to every request that holds these bytes.
  void SetPoison(std::string poison) {
    MutexLock lock(mutex_);
    poison_ = std::move(poison);
  }

  // Names of the spans that were taken, in order of arrival.
  std::vector<std::string> Names() const {
    std::vector<std::string> out;
    MutexLock lock(mutex_);
    for (const std::string& body : bodies_) {
      auto scopes = wire::otlp::DecodeTraces(body);
      EXPECT_TRUE(scopes.has_value());
      for (const auto& scope : *scopes)
        for (const auto& span : scope.spans) out.push_back(span.name);
    }
    return out;
  }
  std::vector<std::string> bodies() const {
    MutexLock lock(mutex_);
    return bodies_;
  }
  std::vector<net::HttpRequest> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  size_t calls() const {
    MutexLock lock(mutex_);
    return calls_;
  }

 private:
  net::HttpResponse Answer(net::HttpRequest& request) {
    std::string body = Unpack(request);
    MutexLock lock(mutex_);
    ++calls_;
    if (!poison_.empty() && body.find(poison_) != std::string::npos)
      return net::MakeResponse(400, "text/plain", "poison");
    if (status_ != 200) return net::MakeResponse(status_, "text/plain", "told so");
    bodies_.push_back(std::move(body));
    request.body.clear();
    requests_.push_back(request);
    return net::MakeResponse(200, "application/x-protobuf", "");
  }

  static std::string Unpack(const net::HttpRequest& request) {
    constexpr size_t kMax = 64 << 20;
    std::string_view encoding = request.headers.Get("content-encoding").value_or("");
    if (encoding == "gzip") return wire::GzipDecompress(request.body, kMax).value();
    if (encoding == "zstd") return wire::ZstdDecompress(request.body, kMax).value();
    if (encoding == "zlib" || encoding == "deflate") return wire::ZlibDecompress(request.body, kMax).value();
    if (encoding == "snappy") return wire::SnappyDecompress(request.body, kMax).value();
    EXPECT_EQ(encoding, "");
    return request.body;
  }

  std::atomic<int> status_{200};
  mutable Mutex mutex_;
  std::string poison_ GUARDED_BY(mutex_);
  std::vector<std::string> bodies_ GUARDED_BY(mutex_);
  std::vector<net::HttpRequest> requests_ GUARDED_BY(mutex_);
  size_t calls_ GUARDED_BY(mutex_) = 0;
  std::unique_ptr<net::HttpServer> server_;  // last: its handler uses the others
};

// A running collector with an OTLP receiver on `port`; yaml is its configuration, in which PORT and SINK stand for the
// receiver's and the destination's ports.
class RunningCollector {
 public:
  RunningCollector(std::string yaml, uint16_t sink_port) : port_(net::ReservedPort::Choose().value()) {
    auto replace = [&](std::string_view name, uint16_t port) {
      for (size_t at; (at = yaml.find(name)) != std::string::npos;)
        yaml.replace(at, name.size(), std::to_string(port));
    };
    replace("PORT", port());
    replace("SINK", sink_port);
    Problems problems;
    auto config = LoadConfig(yaml, "test.yaml", ProcessEnvironment(), problems);
    EXPECT_TRUE(config.has_value()) << problems.Format("test.yaml");
    CollectorOptions options;
    options.print = [this](std::string_view text) {
      MutexLock lock(mutex_);
      printed_ += text;
    };
    auto collector = Collector::Start(std::move(*config), options);
    EXPECT_TRUE(collector.has_value()) << (collector ? "" : collector.error().message);
    collector_ = std::move(*collector);
    client_ = std::move(*net::HttpClient::Open(fmt::format("http://127.0.0.1:{}", port())));
  }

  net::HttpResponse Post(std::string body, std::string path = "/v1/traces",
                         net::HttpHeaders headers = {{"content-type", "application/x-protobuf"}}) {
    net::HttpRequest request{"POST", std::move(path), std::move(headers), std::move(body), ""};
    auto response = client_->Send(request);
    EXPECT_TRUE(response.has_value()) << (response ? "" : response.error().message);
    return response.value_or(net::HttpResponse{});
  }
  std::string printed() const {
    MutexLock lock(mutex_);
    return printed_;
  }
  std::string Metrics() const { return collector_->metrics().RenderPrometheus(); }
  Collector& operator*() { return *collector_; }
  Collector* operator->() { return collector_.get(); }
  uint16_t port() const { return port_.number(); }

 private:
  const net::ReservedPort port_;
  mutable Mutex mutex_;
  std::string printed_ GUARDED_BY(mutex_);
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<net::HttpClient> client_;
};

}  // namespace beleg::collector
