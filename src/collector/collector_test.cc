#include "collector/collector.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "collector/testing.h"
#include "net/grpc_client.h"
#include "net/otlp_receiver.h"
#include "wire/testing.h"

namespace beleg::collector {
namespace {

constexpr const char* kPipeline = R"(
receivers:
  otlp:
    protocols:
      http: {endpoint: "127.0.0.1:PORT"}
processors:
  resource:
    attributes:
      - {key: deployment.region, value: site-north, action: upsert}
      - {key: weight, value: 7, action: insert}
  batch: {timeout: 10ms, send_batch_size: 4}
exporters:
  otlphttp:
    endpoint: http://127.0.0.1:SINK
    headers: {authorization: Bearer k}
    sending_queue: {queue_size: 4, num_consumers: 2}
    retry_on_failure: {initial_interval: 20ms, max_interval: 50ms}
  logging: {verbosity: detailed}
service:
  telemetry: {metrics: {level: none}}
  pipelines:
    traces: {receivers: [otlp], processors: [resource, batch], exporters: [otlphttp, logging]}
    metrics: {receivers: [otlp], processors: [resource, batch], exporters: [otlphttp]}
)";

std::set<std::string> SetOf(const std::vector<std::string>& list) { return {list.begin(), list.end()}; }

TEST(CollectorPipeline, SpansArriveWithTheResourceAttributes) {
  Sink sink;
  RunningCollector collector(kPipeline, sink.port());
  EXPECT_EQ(collector.Post(wire::otlp::EncodeTraces(wire::otlp::SampleTraces())).status, 200);
  ASSERT_TRUE(Eventually([&] { return sink.Names().size() == 3; }));
  auto want = wire::otlp::SampleTraces();
  for (auto& scope : want) {
    scope.resource.push_back({"deployment.region", "site-north"});
    scope.resource.push_back({"weight", 7});
  }
  EXPECT_EQ(wire::otlp::DecodeTraces(sink.bodies()[0]).value(), want);
  net::HttpRequest request = sink.requests()[0];
  EXPECT_EQ(request.target, "/v1/traces");
  EXPECT_EQ(request.headers.Get("authorization"), "Bearer k");
  EXPECT_EQ(request.headers.Get("content-encoding"), "gzip");
  const auto is_printed = [&] {
    return collector.printed().find("-> deployment.region: Str(site-north)") != std::string::npos;
  };
  EXPECT_TRUE(Eventually(is_printed)) << collector.printed();
}

TEST(CollectorPipeline, SmallRequestsAreJoined) {
  Sink sink;
  std::string slow = kPipeline;
  slow.replace(slow.find("10ms"), 4, "60s");
  RunningCollector collector(slow, sink.port());
  for (int i = 0; i < 4; ++i) collector.Post(OneSpan(std::to_string(i)));
  ASSERT_TRUE(Eventually([&] { return !sink.bodies().empty(); }));
  EXPECT_EQ(sink.Names(), (std::vector<std::string>{"0", "1", "2", "3"}));
}

TEST(CollectorPipeline, StopSendsWhatIsInside) {
  Sink sink;
  std::string slow = kPipeline;
  slow.replace(slow.find("10ms"), 4, "60s");
  RunningCollector collector(slow, sink.port());
  collector.Post(OneSpan("waiting"));
  collector->Stop(std::chrono::milliseconds(10'000));
  EXPECT_EQ(sink.Names(), std::vector<std::string>{"waiting"});
}

TEST(CollectorPipeline, AnOutageWithRoomLosesNothing) {
  Sink sink;
  RunningCollector collector(kPipeline, sink.port());
  sink.SetStatus(503);
  std::set<std::string> sent;
  for (int i = 0; i < 12; ++i) {
    sent.insert(std::to_string(i));
    ASSERT_EQ(collector.Post(OneSpan(std::to_string(i))).status, 200);
  }
  ASSERT_TRUE(Eventually([&] { return sink.calls() > 3; }));
  EXPECT_TRUE(sink.Names().empty());
  sink.SetStatus(200);
  ASSERT_TRUE(Eventually([&] { return sink.Names().size() >= 12; }));
  EXPECT_EQ(SetOf(sink.Names()), sent);
}

TEST(CollectorPipeline, AFullQueuePushesBackAndWhatWasTakenArrives) {
  const auto port = net::ReservedPort::Choose().value();  // nobody listens there: connections are refused
  RunningCollector collector(kPipeline, port.number());
  std::set<std::string> taken;
  int refused = 0;
  for (int i = 0; i < 200 && refused < 3; ++i) {
    net::HttpResponse answer = collector.Post(OneSpan(std::to_string(i)));
    if (answer.status == 200)
      taken.insert(std::to_string(i));
    else
      ++refused;
    if (answer.status != 200) {
      EXPECT_EQ(answer.status, 429);
      EXPECT_TRUE(answer.headers.Get("retry-after").has_value());
    }
  }
  ASSERT_EQ(refused, 3);
  EXPECT_NE(
      collector.Metrics().find("otelcol_receiver_refused_spans{receiver=\"otlp\",transport=\"http\"} 3"),
      std::string::npos)
      << collector.Metrics();
  Sink back(port.number());
  ASSERT_TRUE(Eventually([&] { return back.Names().size() >= taken.size(); }));
  EXPECT_EQ(SetOf(back.Names()), taken);
  EXPECT_TRUE(Eventually([&] { return collector.Post(OneSpan("again")).status == 200; }));
}

TEST(CollectorPipeline, OneItemThatIsWrongDoesNotTakeOthersWithIt) {
  Sink sink;
  sink.SetPoison("poison");
  RunningCollector collector(kPipeline, sink.port());
  for (std::string name : {"a", "poison", "b", "c"}) collector.Post(OneSpan(name));
  ASSERT_TRUE(Eventually([&] { return sink.Names().size() == 3; }));
  EXPECT_EQ(SetOf(sink.Names()), (std::set<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(Eventually([&] {
    return collector.Metrics().find("otelcol_exporter_send_failed_spans{exporter=\"otlphttp\"} 1\n") !=
           std::string::npos;
  })) << collector.Metrics();
}

TEST(CollectorPipeline, MetricsPassAndASignalWithoutPipelineIsNotThere) {
  Sink sink;
  RunningCollector collector(kPipeline, sink.port());
  EXPECT_EQ(collector.Post("", "/v1/metrics").status, 200);
  EXPECT_EQ(collector.Post("", "/v1/logs").status, 404);
}

TEST(CollectorReceiver, AnswersAsOtlpHttpDoes) {
  Sink sink;
  RunningCollector collector(kPipeline, sink.port());
  auto json = collector.Post(R"({"resourceSpans":[]})", "/v1/traces",
                             {{"content-type", "application/json; charset=utf-8"}});
  EXPECT_EQ(json.status, 200);
  EXPECT_EQ(json.body, R"({"partialSuccess":{}})");
  EXPECT_EQ(collector.Post("{", "/v1/traces", {{"content-type", "application/json"}}).status, 400);
  auto bad = collector.Post("\x0a\x05xx");
  EXPECT_EQ(bad.status, 400);
  EXPECT_FALSE(wire::otlp::StatusMessage(bad.body).empty());
  EXPECT_EQ(collector.Post("", "/v1/traces", {{"content-type", "text/plain"}}).status, 415);
  EXPECT_EQ(
      collector
          .Post("x", "/v1/traces", {{"content-type", "application/x-protobuf"}, {"content-encoding", "br"}})
          .status,
      400);
  EXPECT_EQ(
      collector
          .Post("x", "/v1/traces", {{"content-type", "application/x-protobuf"}, {"content-encoding", "gzip"}})
          .status,
      400);
  EXPECT_EQ(collector
                .Post(wire::GzipCompress(OneSpan("z")), "/v1/traces",
                      {{"content-type", "application/x-protobuf"}, {"content-encoding", "gzip"}})
                .status,
            200);
  EXPECT_TRUE(Eventually([&] { return sink.Names() == std::vector<std::string>{"z"}; }));
}

TEST(CollectorReceiver, TakesEveryCompressionThatSendersHave) {
  Sink sink;
  RunningCollector collector(kPipeline, sink.port());
  std::string framed = std::string("\xff\x06\0\0sNaPpY", 10);  // and no chunk
  auto post = [&](std::string_view encoding, std::string body) {
    return collector
        .Post(std::move(body), "/v1/traces",
              {{"content-type", "application/x-protobuf"}, {"content-encoding", std::string(encoding)}})
        .status;
  };
  EXPECT_EQ(post("gzip", wire::GzipCompress(OneSpan("gzip"))), 200);
  EXPECT_EQ(post("zstd", wire::ZstdCompress(OneSpan("zstd"))), 200);
  EXPECT_EQ(post("deflate", wire::ZlibCompress(OneSpan("deflate"))), 200);
  EXPECT_EQ(post("zlib", wire::ZlibCompress(OneSpan("zlib"))), 200);
  EXPECT_EQ(post("snappy", wire::SnappyCompress(OneSpan("snappy"))), 200);
  EXPECT_EQ(post("identity", OneSpan("identity")), 200);
  EXPECT_EQ(post("x-snappy-framed", framed), 200);
  EXPECT_EQ(post("snappy", "no snappy"), 400);
  std::set<std::string> want = {"gzip", "zstd", "deflate", "zlib", "snappy", "identity"};
  EXPECT_TRUE(Eventually([&] { return SetOf(sink.Names()) == want; }));
}

TEST(CollectorReceiver, JsonOfEverySignalBecomesProtobuf) {
  Sink sink;
  RunningCollector collector(kPipeline, sink.port());
  net::HttpHeaders json{{"content-type", "application/json"}};
  std::string metrics =
      R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"seen","sum":{"dataPoints":[{"asInt":"3"}]}}]}]}]})";
  EXPECT_EQ(collector.Post(metrics, "/v1/metrics", json).body, R"({"partialSuccess":{}})");
  ASSERT_TRUE(Eventually([&] { return !sink.bodies().empty(); }));
  EXPECT_EQ(wire::otlp::CountDataPoints(sink.bodies()[0]).value(), 1u);
  auto wrong = collector.Post(R"({"resourceMetrics":{}})", "/v1/metrics", json);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_NE(wrong.body.find("resourceMetrics: object, want array"), std::string::npos) << wrong.body;
}

TEST(CollectorExporter, SendsInEveryCompression) {
  for (std::string_view compression : {"gzip", "zstd", "zlib", "deflate", "snappy", "none"}) {
    Sink sink;
    std::string yaml = kPipeline;
    yaml.replace(yaml.find("    headers:"), 0, fmt::format("    compression: {}\n", compression));
    RunningCollector collector(yaml, sink.port());
    collector.Post(OneSpan("x"));
    EXPECT_TRUE(Eventually([&] { return sink.Names() == std::vector<std::string>{"x"}; })) << compression;
    EXPECT_EQ(sink.requests()[0].headers.Get("content-encoding").value_or("none"), compression);
  }
}

// What came over gRPC goes out over gRPC to a second collector, which has HTTP alone on its other side.
TEST(CollectorGrpc, SpansPassFromCollectorToCollector) {
  Sink sink;
  constexpr const char* kBack = R"(
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:PORT"}}}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:SINK"}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}}
)";
  constexpr const char* kFront = R"(
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:PORT"}}}}
exporters: {otlp: {endpoint: "127.0.0.1:SINK", tls: {insecure: true}, retry_on_failure: {initial_interval: 20ms, max_interval: 20ms}}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}}
)";
  RunningCollector back(kBack, sink.port());
  RunningCollector front(kFront, back.port());
  std::string request = wire::otlp::EncodeTraces(wire::otlp::SampleTraces());
  EXPECT_EQ(front.Post(request).status, 200);
  ASSERT_TRUE(Eventually([&] { return !sink.bodies().empty(); }));
  EXPECT_EQ(sink.bodies()[0], request);
  constexpr std::string_view kTaken =
      "otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 3";
  EXPECT_TRUE(Eventually([&] { return back.Metrics().find(kTaken) != std::string::npos; })) << back.Metrics();
}

TEST(CollectorGrpc, AFullQueueIsResourceExhaustedWithTheTimeToTryAgain) {
  constexpr const char* kFull = R"(
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:PORT"}}}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:SINK", sending_queue: {queue_size: 1, num_consumers: 1}}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}}
)";
  const auto nobody = net::ReservedPort::Choose().value();
  RunningCollector collector(kFull, nobody.number());
  auto client = std::move(*net::GrpcClient::Open(fmt::format("127.0.0.1:{}", collector.port())));
  net::GrpcReply reply;
  for (int i = 0; i < 10 && reply.status.ok(); ++i)
    reply = client->Call(net::OtlpExportMethod(net::OtlpSignal::kTraces), {}, OneSpan("x")).value();
  EXPECT_EQ(reply.status.code, net::GrpcCode::kResourceExhausted);
  EXPECT_TRUE(net::RetryDelay(reply).has_value());
  EXPECT_EQ(client->Call(net::OtlpExportMethod(net::OtlpSignal::kMetrics), {}, "").value().status.code,
            net::GrpcCode::kUnimplemented);
  EXPECT_EQ(
      client->Call(net::OtlpExportMethod(net::OtlpSignal::kTraces), {}, "\x0a\x05xx").value().status.code,
      net::GrpcCode::kInvalidArgument);
}

TEST(CollectorStart, ABusyPortIsAnErrorThatNamesTheReceiver) {
  Sink sink;
  Problems problems;
  std::string yaml = fmt::format(
      "receivers: {{otlp: {{protocols: {{http: {{endpoint: '127.0.0.1:{}'}}}}}}}}\nexporters: {{nop: }}\n"
      "service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [otlp], "
      "exporters: [nop]}}}}}}\n",
      sink.port());
  auto config = LoadConfig(yaml, "f", ProcessEnvironment(), problems);
  ASSERT_TRUE(config.has_value()) << problems.Format("f");
  auto collector = Collector::Start(std::move(*config), {});
  ASSERT_FALSE(collector.has_value());
  EXPECT_EQ(collector.error().code, ErrorCode::kAlreadyExists);
  EXPECT_NE(collector.error().message.find("receivers::otlp"), std::string::npos)
      << collector.error().message;
}

TEST(CollectorPrometheus, ATargetsMetricsBecomeOtlp) {
  net::HttpServerOptions options;
  auto target = std::move(*net::HttpServer::Listen(
      options, net::Inline([](net::HttpRequest& request) {
        EXPECT_EQ(request.target, "/metrics");
        return net::MakeResponse(200, "text/plain", "# TYPE seen_total counter\nseen_total{a=\"b\"} 3\n");
      })));
  Sink sink;
  RunningCollector collector(fmt::format(R"(
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:PORT"}}}}}}
  prometheus:
    config:
      scrape_configs:
        - job_name: engine
          scrape_interval: 20ms
          static_configs: [{{targets: ["127.0.0.1:{}"], labels: {{zone: a}}}}]
exporters: {{otlphttp: {{endpoint: "http://127.0.0.1:SINK"}}}}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{metrics: {{receivers: [otlp, prometheus], exporters: [otlphttp]}}}}}}
)",
                                         target->port()),
                             sink.port());
  ASSERT_TRUE(Eventually([&] { return sink.bodies().size() >= 2; }));
  std::string body = sink.bodies()[0];
  EXPECT_EQ(sink.requests()[0].target, "/v1/metrics");
  EXPECT_EQ(wire::otlp::CountDataPoints(body).value(), 4u);
  for (std::string_view part : {"seen_total", "engine", "zone", "scrape_duration_seconds"})
    EXPECT_NE(body.find(part), std::string::npos) << part;
}

TEST(CollectorStart, HealthAndOwnMetricsAreServed) {
  const auto health = net::ReservedPort::Choose().value();
  std::string yaml = fmt::format(
      "extensions: {{health_check: {{endpoint: '127.0.0.1:{}'}}}}\nreceivers: {{nop: }}\nexporters: {{nop: "
      "}}\n"
      "service: {{extensions: [health_check], telemetry: {{metrics: {{address: '127.0.0.1:0'}}}},\n"
      "  pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}}}\n",
      health.number());
  Problems problems;
  auto config = LoadConfig(yaml, "f", ProcessEnvironment(), problems);
  ASSERT_TRUE(config.has_value()) << problems.Format("f");
  auto collector = std::move(*Collector::Start(std::move(*config), {}));
  auto get = [](uint16_t port, std::string path) {
    return (*net::HttpClient::Open(fmt::format("http://127.0.0.1:{}", port)))->Get(std::move(path)).value();
  };
  EXPECT_EQ(get(health.number(), "/").status, 200);
  EXPECT_NE(get(collector->metrics_port(), "/metrics").body.find("otelcol_process_uptime"),
            std::string::npos);
}

}  // namespace
}  // namespace beleg::collector
