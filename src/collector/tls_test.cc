// TLS of receivers and exporters, with certificates made here.
#include <gtest/gtest.h>

#include "collector/testing.h"
#include "net/tls_testing.h"

namespace beleg::collector {
namespace {

// front takes HTTP in plain and sends by gRPC; back takes gRPC and sends by HTTP to the sink. TLS stands for the tls: settings.
constexpr std::string_view kFront = R"(
receivers: {otlp: {protocols: {http: {endpoint: "127.0.0.1:PORT"}}}}
exporters: {otlp: {endpoint: "localhost:SINK", TLS retry_on_failure: {initial_interval: 20ms, max_interval: 20ms}}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [otlp]}}}
)";
constexpr std::string_view kBack = R"(
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:PORT", TLS}}}}
exporters: {otlphttp: {endpoint: "http://127.0.0.1:SINK"}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [otlphttp]}}}
)";

std::string With(std::string_view yaml, std::string_view tls) {
  std::string out(yaml);
  out.replace(out.find("TLS"), 3, tls);
  return out;
}
std::string Shows(const net::SelfSigned& self, std::string_view more = "") {
  return fmt::format("tls: {{cert_file: {}, key_file: {}{}}}", self.certificate_file(), self.key_file(),
                     more);
}
std::string Trusts(std::string_view settings) { return fmt::format("tls: {{{}}},", settings); }

TEST(CollectorTls, AGrpcExporterTrustsTheCaItIsGiven) {
  net::SelfSigned self;
  Sink sink;
  RunningCollector back(With(kBack, Shows(self)), sink.port());
  for (const std::string& tls :
       {fmt::format("ca_file: {}", self.certificate_file()),
        fmt::format("insecure: true, ca_file: {}", self.certificate_file()),
        std::string("insecure_skip_verify: true"),
        fmt::format("ca_file: {}, server_name_override: 127.0.0.1, min_version: '1.3'",
                    self.certificate_file())}) {
    RunningCollector front(With(kFront, Trusts(tls)), back.port());
    size_t before = sink.Names().size();
    EXPECT_EQ(front.Post(OneSpan(tls)).status, 200);
    EXPECT_TRUE(Eventually([&] { return sink.Names().size() > before; })) << tls;
    EXPECT_EQ(sink.Names().back(), tls);
  }
}

TEST(CollectorTls, AGrpcExporterSendsNothingToWhomItDoesNotTrust) {
  net::SelfSigned self, other;
  Sink sink;
  RunningCollector back(With(kBack, Shows(self)), sink.port());
  for (const std::string& tls :
       {std::string("insecure: false"), std::string("insecure: true"),
        fmt::format("ca_file: {}", other.certificate_file()),
        fmt::format("ca_file: {}, server_name_override: elsewhere", self.certificate_file())}) {
    RunningCollector front(With(kFront, Trusts(tls)), back.port());
    EXPECT_EQ(front.Post(OneSpan("x")).status, 200);
    EXPECT_TRUE(Eventually([&] {
      return front.Metrics().find("otelcol_exporter_retries{exporter=\"otlp\"} 2") != std::string::npos;
    })) << tls
        << front.Metrics();
  }
  EXPECT_TRUE(sink.Names().empty());
}

TEST(CollectorTls, AReceiverMayDemandTheClientsCertificate) {
  net::SelfSigned server, known;
  Sink sink;
  RunningCollector back(With(kBack, Shows(server, ", client_ca_file: " + known.certificate_file())),
                        sink.port());
  std::string trust = fmt::format("ca_file: {}", server.certificate_file());
  RunningCollector stranger(With(kFront, Trusts(trust)), back.port());
  EXPECT_EQ(stranger.Post(OneSpan("stranger")).status, 200);
  RunningCollector front(With(kFront, Trusts(fmt::format("{}, cert_file: {}, key_file: {}", trust,
                                                         known.certificate_file(), known.key_file()))),
                         back.port());
  EXPECT_EQ(front.Post(OneSpan("known")).status, 200);
  ASSERT_TRUE(Eventually([&] { return !sink.Names().empty(); }));
  EXPECT_EQ(sink.Names(), std::vector<std::string>{"known"});
}

TEST(CollectorTls, AnHttpExporterSpeaksHttps) {
  net::SelfSigned self;
  Sink sink(0, self.server());
  std::string yaml = fmt::format(R"(
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:PORT"}}}}}}}}
exporters: {{otlphttp: {{endpoint: "https://localhost:SINK", tls: {{ca_file: {}}}}}}}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [otlp], exporters: [otlphttp]}}}}}}
)",
                                 self.certificate_file());
  RunningCollector collector(yaml, sink.port());
  for (const char* name : {"a", "b"}) EXPECT_EQ(collector.Post(OneSpan(name)).status, 200);
  EXPECT_TRUE(Eventually([&] { return sink.Names().size() == 2; }));
}

TEST(CollectorTls, AnHttpReceiverSpeaksHttps) {
  net::SelfSigned self;
  Sink sink;
  const auto reserved = net::ReservedPort::Choose().value();
  const uint16_t port = reserved.number();
  std::string yaml = fmt::format(R"(
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:PORT"}}, http: {{endpoint: "127.0.0.1:{}", {}}}}}}}}}
exporters: {{otlphttp: {{endpoint: "http://127.0.0.1:SINK"}}}}
service: {{telemetry: {{metrics: {{level: none}}}}, pipelines: {{traces: {{receivers: [otlp], exporters: [otlphttp]}}}}}}
)",
                                 port, Shows(self));
  RunningCollector collector(yaml, sink.port());
  net::HttpClient::Options options;
  options.tls = self.client();
  auto client =
      std::move(*net::HttpClient::Open(fmt::format("https://localhost:{}/v1/traces", port), options));
  auto answer = client->Send({"POST", "", {{"content-type", "application/x-protobuf"}}, OneSpan("x"), ""});
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_TRUE(Eventually([&] { return sink.Names() == std::vector<std::string>{"x"}; }));
}

TEST(CollectorTls, AFileThatCannotBeUsedIsAWarningAndAnErrorAtStart) {
  Problems problems;
  std::string yaml = With(kBack, "tls: {cert_file: /no/such.pem, key_file: /no/such.key}");
  yaml.replace(yaml.find("PORT"), 4, "0");
  yaml.replace(yaml.find("SINK"), 4, "9");
  auto config = LoadConfig(yaml, "f", ProcessEnvironment(), problems);
  ASSERT_TRUE(config.has_value()) << problems.Format("f");
  std::string told = problems.Format("f");
  EXPECT_NE(
      told.find(
          "warning: it could not start on this machine: receivers::otlp::tls: certificate /no/such.pem"),
      std::string::npos)
      << told;
  auto started = Collector::Start(std::move(*config), {});
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::collector
