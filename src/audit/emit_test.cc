#include "audit/emit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/testing.h"

namespace beleg::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

EmitOptions Options(const Clock& clock, Rng& rng) {
  EmitOptions options;
  options.clock = &clock;
  options.rng = &rng;
  return options;
}

TEST(Emit, SpanIsTheTutorials) {
  ManualClock clock;
  SeededRng rng(1);
  EmittedSpan emitted = MakeTestSpan(Options(clock, rng));
  ASSERT_EQ(emitted.scope.spans.size(), 1u);
  const wire::otlp::Span& span = emitted.scope.spans[0];
  EXPECT_EQ(span.name, "llm.generate");
  EXPECT_EQ(span.kind, wire::otlp::SpanKind::kInternal);
  EXPECT_EQ(span.trace_id, emitted.trace_id);
  EXPECT_FALSE(span.span_id.IsZero());
  EXPECT_EQ(span.end_unix_ns, clock.UnixMicros() * 1000);
  EXPECT_EQ(span.end_unix_ns - span.start_unix_ns, 10'000'000);
  EXPECT_EQ(emitted.scope.scope_name, "vllm.inference");
  std::vector<std::string> keys;
  for (const auto& attribute : span.attributes) keys.push_back(attribute.key);
  EXPECT_THAT(keys,
              ElementsAre("gen_ai.model.id", "gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens",
                          "gen_ai.response.finish_reasons", "gen_ai.system", "gen_ai.operation.name"));
  EXPECT_EQ(span.attributes[1].value, wire::otlp::Value(42));
  EXPECT_EQ(span.attributes[3].value, wire::otlp::Value(std::vector<wire::otlp::Value>{"stop"}));
}

TEST(Emit, ConsoleFormIsThatOfThePythonExporter) {
  ManualClock clock;
  SeededRng rng(1);
  EmittedSpan emitted = MakeTestSpan(Options(clock, rng));
  std::string trace = emitted.trace_id.Hex(), span = emitted.scope.spans[0].span_id.Hex();
  EXPECT_EQ(RenderConsole(emitted), fmt::format(R"({{
    "name": "llm.generate",
    "context": {{
        "trace_id": "0x{}",
        "span_id": "0x{}",
        "trace_state": "[]"
    }},
    "kind": "SpanKind.INTERNAL",
    "parent_id": null,
    "start_time": "2023-11-14T22:13:19.990000Z",
    "end_time": "2023-11-14T22:13:20.000000Z",
    "status": {{
        "status_code": "UNSET"
    }},
    "attributes": {{
        "gen_ai.model.id": "facebook/opt-125m",
        "gen_ai.usage.prompt_tokens": 42,
        "gen_ai.usage.completion_tokens": 17,
        "gen_ai.response.finish_reasons": [
            "stop"
        ],
        "gen_ai.system": "vllm",
        "gen_ai.operation.name": "chat"
    }},
    "events": [],
    "links": [],
    "resource": {{
        "attributes": {{
            "telemetry.sdk.language": "cpp",
            "telemetry.sdk.name": "beleg",
            "service.name": "vllm",
            "deployment.region": "hetzner-nbg1-eu",
            "deployment.environment": "production"
        }},
        "schema_url": ""
    }}
}}
trace_id={}
)",
                                                trace, span, trace));
}

TEST(Emit, SpanIsSentAsOtlpProtobuf) {
  FakeSite site;
  site.OnText("POST /v1/traces", "");
  EmitOptions options;
  options.token = "secret";
  EmittedSpan emitted = MakeTestSpan(options);
  for (std::string endpoint : {"", "/", "/v1/traces", "/v1/traces/"}) {
    options.endpoint = site.url() + endpoint;
    auto sent = SendSpan(options, emitted);
    ASSERT_TRUE(sent.has_value()) << sent.error().message;
  }
  ASSERT_EQ(site.requests().size(), 4u);
  net::HttpRequest request = site.Last("POST /v1/traces");
  EXPECT_EQ(request.headers.Get("content-type"), "application/x-protobuf");
  EXPECT_EQ(net::BearerToken(request.headers), "secret");
  auto decoded = wire::otlp::DecodeTraces(request.body);
  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  ASSERT_EQ(decoded->size(), 1u);
  EXPECT_EQ((*decoded)[0].resource, emitted.scope.resource);
  ASSERT_EQ((*decoded)[0].spans.size(), 1u);
  EXPECT_EQ((*decoded)[0].spans[0].trace_id, emitted.trace_id);
  EXPECT_EQ((*decoded)[0].spans[0].attributes, emitted.scope.spans[0].attributes);
}

TEST(Emit, RejectedSpanIsAnError) {
  FakeSite site;
  EmitOptions options;
  options.endpoint = site.url();
  site.OnText("POST /v1/traces", wire::otlp::EncodeTraceResponse(1, "no thanks"));
  EXPECT_EQ(SendSpan(options, MakeTestSpan(options)).error().code, ErrorCode::kDataLoss);
  site.OnText("POST /v1/traces", "busy", 503);
  auto busy = SendSpan(options, MakeTestSpan(options));
  EXPECT_EQ(busy.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(busy.error().message, HasSubstr("/v1/traces: HTTP 503 busy"));
  options.endpoint = "http://127.0.0.1:1";
  EXPECT_EQ(SendSpan(options, MakeTestSpan(options)).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace beleg::audit
