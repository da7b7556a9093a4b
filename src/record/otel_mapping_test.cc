#include "record/otel_mapping.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/request_id.h"
#include "record/testing.h"

namespace beleg::record {
namespace {

namespace otlp = wire::otlp;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

// A context with a boot and a model, as an exporter holds it.
struct Fixture {
  Boot boot = std::get<Boot>(SampleRecords()[3].body);
  Model model = std::get<Model>(SampleRecords()[6].body);
  Hash32 leaf_hash = CountingBytes<Hash32>(0xe0);

  SpanContext Context(Semconv semconv = Semconv::kDup) const {
    return {"beleg-test", SampleBoot(), &boot, &model, semconv};
  }
  std::vector<otlp::Span> Spans(Body body, Semconv semconv = Semconv::kDup) const {
    return SpansOf(Context(semconv), SampleRecord(std::move(body)), 77, leaf_hash);
  }
};

std::vector<std::string> NamesOf(const otlp::Attributes& attributes) {
  std::vector<std::string> names;
  for (const auto& attribute : attributes) names.push_back(attribute.key);
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end()) << "an attribute stands twice";
  return names;
}

otlp::Value ValueOf(const otlp::Attributes& attributes, std::string_view name) {
  for (const auto& attribute : attributes)
    if (attribute.key == name) return attribute.value;
  ADD_FAILURE() << "no attribute " << name;
  return {};
}

bool Has(const otlp::Attributes& attributes, std::string_view name) {
  return std::ranges::find(attributes, name, &otlp::KeyValue::key) != attributes.end();
}

// What all three sets have on a request with every member.
const std::vector<std::string> kAll = {"audit.boot",
                                       "audit.caller",
                                       "audit.leaf_hash",
                                       "audit.log.index",
                                       "audit.log.origin",
                                       "audit.model.index",
                                       "audit.model.sha256",
                                       "audit.outcome",
                                       "audit.seq",
                                       "error.type",
                                       "gen_ai.operation.name",
                                       "gen_ai.request.max_tokens",
                                       "gen_ai.request.temperature",
                                       "gen_ai.request.top_p",
                                       "gen_ai.response.finish_reasons",
                                       "http.response.status_code"};

const std::vector<std::string> kOnlyLatest = {"cloud.region",
                                              "gen_ai.provider.name",
                                              "gen_ai.request.choice.count",
                                              "gen_ai.request.frequency_penalty",
                                              "gen_ai.request.model",
                                              "gen_ai.request.presence_penalty",
                                              "gen_ai.request.seed",
                                              "gen_ai.request.stream",
                                              "gen_ai.request.top_k",
                                              "gen_ai.response.id",
                                              "gen_ai.response.model",
                                              "gen_ai.response.time_to_first_chunk",
                                              "gen_ai.usage.cache_read.input_tokens",
                                              "gen_ai.usage.input_tokens",
                                              "gen_ai.usage.output_tokens"};

const std::vector<std::string> kOnlyLegacy = {"deployment.region",
                                              "gen_ai.latency.e2e",
                                              "gen_ai.latency.time_in_model_decode",
                                              "gen_ai.latency.time_in_model_inference",
                                              "gen_ai.latency.time_in_model_prefill",
                                              "gen_ai.latency.time_in_queue",
                                              "gen_ai.latency.time_to_first_token",
                                              "gen_ai.model.id",
                                              "gen_ai.request.id",
                                              "gen_ai.request.n",
                                              "gen_ai.server.ttft",
                                              "gen_ai.system",
                                              "gen_ai.usage.completion_tokens",
                                              "gen_ai.usage.prompt_tokens"};

std::vector<std::string> Sorted(std::initializer_list<std::vector<std::string>> lists) {
  std::vector<std::string> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  std::ranges::sort(all);
  return all;
}

TEST(OtelMapping, FullRequestHasExactlyTheNamesOfItsSet) {
  Fixture fixture;
  auto names = [&](Semconv semconv) { return NamesOf(fixture.Spans(FullRequest(), semconv)[0].attributes); };
  EXPECT_THAT(names(Semconv::kDup), ElementsAreArray(Sorted({kAll, kOnlyLatest, kOnlyLegacy})));
  EXPECT_THAT(names(Semconv::kLatest), ElementsAreArray(Sorted({kAll, kOnlyLatest})));
  EXPECT_THAT(names(Semconv::kLegacy), ElementsAreArray(Sorted({kAll, kOnlyLegacy})));
}

TEST(OtelMapping, ResourceHasExactlyTheNamesOfItsSet) {
  Fixture fixture;
  auto names = [&](Semconv semconv) { return NamesOf(ResourceOf(fixture.Context(semconv))); };
  const std::vector<std::string> all = {"host.id",
                                        "service.instance.id",
                                        "service.name",
                                        "service.version",
                                        "telemetry.sdk.language",
                                        "telemetry.sdk.name",
                                        "telemetry.sdk.version"};
  const std::vector<std::string> latest = {"cloud.region", "deployment.environment.name"};
  const std::vector<std::string> legacy = {"deployment.environment", "deployment.region"};
  EXPECT_THAT(names(Semconv::kDup), ElementsAreArray(Sorted({all, latest, legacy})));
  EXPECT_THAT(names(Semconv::kLatest), ElementsAreArray(Sorted({all, latest})));
  EXPECT_THAT(names(Semconv::kLegacy), ElementsAreArray(Sorted({all, legacy})));
}

TEST(OtelMapping, ServerSpanAloneCarriesTheTutorialsFiveNames) {
  Fixture fixture;
  const auto attributes = fixture.Spans(SampleRequest())[0].attributes;
  EXPECT_EQ(ValueOf(attributes, "gen_ai.model.id"), otlp::Value("smollm2-135m-instruct"));
  EXPECT_EQ(ValueOf(attributes, "gen_ai.usage.prompt_tokens"), otlp::Value(312));
  EXPECT_EQ(ValueOf(attributes, "gen_ai.usage.completion_tokens"), otlp::Value(128));
  EXPECT_EQ(ValueOf(attributes, "gen_ai.response.finish_reasons"),
            otlp::Value(std::vector<otlp::Value>{"stop"}));
  EXPECT_EQ(ValueOf(attributes, "deployment.region"), otlp::Value("hetzner-nbg1-eu"));
  EXPECT_EQ(ValueOf(ResourceOf(fixture.Context()), "deployment.region"), otlp::Value("hetzner-nbg1-eu"));
  EXPECT_EQ(ValueOf(ResourceOf(fixture.Context()), "deployment.environment"), otlp::Value("production"));
}

TEST(OtelMapping, ValuesAreThoseOfTheRecord) {
  Fixture fixture;
  const auto attributes = fixture.Spans(SampleRequest())[0].attributes;
  std::string id =
      "chatcmpl-" + DeriveRequestId(SampleBoot(), SampleIdentity().seq, SampleIdentity().trace_id).Hex();
  const std::vector<std::pair<std::string_view, otlp::Value>> expected = {
      {"gen_ai.operation.name", "chat"},
      {"gen_ai.provider.name", "beleg"},
      {"gen_ai.response.id", id},
      {"gen_ai.request.id", id},
      {"gen_ai.request.stream", true},
      {"gen_ai.request.temperature", 0.7},
      {"gen_ai.request.n", 1},
      {"gen_ai.usage.cache_read.input_tokens", 256},
      {"gen_ai.latency.e2e", 2.113406},
      {"gen_ai.latency.time_in_queue", 0.000212},
      {"gen_ai.latency.time_to_first_token", 0.080853},
      {"gen_ai.response.time_to_first_chunk", 0.080853},
      {"gen_ai.latency.time_in_model_inference", 2.112831},
      {"http.response.status_code", 200},
      {"audit.outcome", "ok"},
      {"audit.caller", "anonymous"},
      {"audit.boot", "b0b1b2b3b4b5b6b7"},
      {"audit.seq", 48'213},
      {"audit.log.origin", "beleg-test"},
      {"audit.log.index", 77},
      {"audit.leaf_hash", HexEncode(AsView(fixture.leaf_hash))},
      {"audit.model.index", 1'204'513},
      {"audit.model.sha256", HexEncode(AsView(fixture.model.weights_sha256))}};
  for (const auto& [name, value] : expected) EXPECT_EQ(ValueOf(attributes, name), value) << name;
  for (std::string_view absent :
       {"error.type", "gen_ai.request.seed", "gen_ai.request.top_k", "gen_ai.request.choice.count",
        "gen_ai.request.presence_penalty", "gen_ai.request.frequency_penalty"})
    EXPECT_FALSE(Has(attributes, absent)) << absent;
}

TEST(OtelMapping, FinishedRequestIsAServerSpanWithItsPhasesBelow) {
  auto spans = Fixture().Spans(SampleRequest());
  ASSERT_EQ(spans.size(), 4u);
  RequestId id = DeriveRequestId(SampleBoot(), SampleIdentity().seq, SampleIdentity().trace_id);
  const otlp::Span& server = spans[0];
  EXPECT_EQ(server.name, "chat smollm2-135m-instruct");
  EXPECT_EQ(server.kind, otlp::SpanKind::kServer);
  EXPECT_EQ(server.trace_id, SampleIdentity().trace_id);
  EXPECT_EQ(server.span_id, DeriveSpanId(id, "server"));
  EXPECT_TRUE(server.parent_span_id.IsZero());
  EXPECT_EQ(server.status, otlp::StatusCode::kUnset);
  EXPECT_EQ(server.flags, 0x101u);
  EXPECT_EQ(server.start_unix_ns, 1'795'500'000'000'000'000);
  EXPECT_EQ(server.end_unix_ns, 1'795'500'002'113'406'000);
  int64_t ends_us[] = {212, 212 + 80'641, 212 + 80'641 + 2'032'190};
  for (size_t i = 0; i < 3; ++i) {
    const otlp::Span& phase = spans[i + 1];
    EXPECT_EQ(phase.name, (std::array{"queue", "prefill", "decode"}[i]));
    EXPECT_EQ(phase.kind, otlp::SpanKind::kInternal);
    EXPECT_EQ(phase.trace_id, server.trace_id);
    EXPECT_EQ(phase.span_id, DeriveSpanId(id, phase.name));
    EXPECT_EQ(phase.parent_span_id, server.span_id);
    EXPECT_EQ(phase.start_unix_ns, i == 0 ? server.start_unix_ns : spans[i].end_unix_ns);
    EXPECT_EQ(phase.end_unix_ns, server.start_unix_ns + ends_us[i] * 1000);
    EXPECT_THAT(NamesOf(phase.attributes),
                ElementsAre("audit.log.index", "audit.log.origin", "cloud.region", "deployment.region"));
  }
}

TEST(OtelMapping, ServerSpanHangsBelowTheClientsSpan) {
  auto server = Fixture().Spans(FullRequest())[0];
  EXPECT_EQ(server.parent_span_id, FullRequest().id.parent_span_id);
  EXPECT_EQ(server.flags, 0x301u);
  EXPECT_EQ(server.name, "text_completion smollm2-135m-instruct");
}

TEST(OtelMapping, PhasesThatWereNotReachedHaveNoSpanAndNoLatency) {
  Request request = SampleRequest();
  request.outcome = Outcome::kFailed;
  request.error = ErrorType::kEngine;
  request.prefill_us = request.decode_us = -1;
  auto spans = Fixture().Spans(request);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[1].name, "queue");
  EXPECT_FALSE(Has(spans[0].attributes, "gen_ai.latency.time_in_model_prefill"));
  EXPECT_FALSE(Has(spans[0].attributes, "gen_ai.latency.time_to_first_token"));
  EXPECT_FALSE(Has(spans[0].attributes, "gen_ai.response.time_to_first_chunk"));
  request.queue_us = -1;
  EXPECT_EQ(Fixture().Spans(request).size(), 1u);
}

TEST(OtelMapping, PhasesEndWithTheServerSpan) {
  Request request = SampleRequest();
  request.duration_us = 1'000;  // clocks of threads may differ a little
  auto spans = Fixture().Spans(request);
  ASSERT_EQ(spans.size(), 4u);
  for (const auto& span : spans) {
    EXPECT_LE(span.start_unix_ns, span.end_unix_ns);
    EXPECT_LE(span.end_unix_ns, spans[0].end_unix_ns);
  }
}

TEST(OtelMapping, CancelledRequestIsAnErrorThatSaysTheClientLeft) {
  auto server = Fixture().Spans(FullRequest())[0];
  EXPECT_EQ(server.status, otlp::StatusCode::kError);
  EXPECT_EQ(server.status_message, "cancelled: client_disconnected");
  EXPECT_EQ(ValueOf(server.attributes, "error.type"), otlp::Value("client_disconnected"));
  EXPECT_EQ(ValueOf(server.attributes, "audit.outcome"), otlp::Value("cancelled"));
}

TEST(OtelMapping, ChoicesWithoutAnEndHaveTheFinishReasonError) {
  Request request = FullRequest();
  for (std::vector<std::string> reasons : {std::vector<std::string>{}, {"stop"}, {"stop", "length"}}) {
    request.finish_reasons = reasons;
    std::vector<otlp::Value> expected(reasons.begin(), reasons.end());
    expected.resize(2, otlp::Value("error"));
    EXPECT_EQ(ValueOf(Fixture().Spans(request)[0].attributes, "gen_ai.response.finish_reasons"),
              otlp::Value(expected));
  }
}

TEST(OtelMapping, ErrorWithoutATypeIsCalledOther) {
  Request request = SampleRequest();
  request.outcome = Outcome::kFailed;
  EXPECT_EQ(ValueOf(Fixture().Spans(request)[0].attributes, "error.type"), otlp::Value("_OTHER"));
  request.outcome = Outcome::kCancelled;
  EXPECT_EQ(ValueOf(Fixture().Spans(request)[0].attributes, "error.type"),
            otlp::Value("client_disconnected"));
}

TEST(OtelMapping, RefusedRequestIsOneErrorSpanWithoutFinishReasons) {
  Fixture fixture;
  auto spans = fixture.Spans(std::get<Refused>(SampleRecords()[1].body));
  ASSERT_EQ(spans.size(), 1u);
  const otlp::Span& server = spans[0];
  EXPECT_EQ(server.name, "chat");
  EXPECT_EQ(server.kind, otlp::SpanKind::kServer);
  EXPECT_EQ(server.status, otlp::StatusCode::kError);
  EXPECT_EQ(server.status_message, "refused: model_not_found");
  EXPECT_EQ(server.start_unix_ns, 1'795'500'002'110'000'000);
  EXPECT_EQ(server.end_unix_ns, 1'795'500'002'113'406'000);
  EXPECT_THAT(
      NamesOf(server.attributes),
      ElementsAre("audit.boot", "audit.caller", "audit.leaf_hash", "audit.log.index", "audit.log.origin",
                  "audit.outcome", "audit.seq", "cloud.region", "deployment.region", "error.type",
                  "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.id", "gen_ai.response.id",
                  "gen_ai.system", "http.request.body.size", "http.response.status_code"));
  EXPECT_EQ(ValueOf(server.attributes, "audit.outcome"), otlp::Value("refused"));
  EXPECT_EQ(ValueOf(server.attributes, "http.response.status_code"), otlp::Value(404));
}

TEST(OtelMapping, LostRequestIsOneErrorSpanOfTheBootThatBeganIt) {
  Lost lost = std::get<Lost>(SampleRecords()[2].body);
  auto spans = Fixture().Spans(lost);
  ASSERT_EQ(spans.size(), 1u);
  EXPECT_EQ(spans[0].status, otlp::StatusCode::kError);
  EXPECT_EQ(spans[0].start_unix_ns, lost.start_us * 1000);
  EXPECT_EQ(spans[0].end_unix_ns, lost.start_us * 1000);
  EXPECT_EQ(spans[0].span_id,
            DeriveSpanId(DeriveRequestId(lost.begun_boot, lost.id.seq, lost.id.trace_id), "server"));
  EXPECT_EQ(ValueOf(spans[0].attributes, "audit.boot"), otlp::Value(lost.begun_boot.Hex()));
  EXPECT_EQ(ValueOf(spans[0].attributes, "audit.outcome"), otlp::Value("lost"));
  EXPECT_EQ(ValueOf(spans[0].attributes, "error.type"), otlp::Value("lost"));
  EXPECT_FALSE(Has(spans[0].attributes, "http.response.status_code"));
}

TEST(OtelMapping, SpansAreValidOtlp) {
  Fixture fixture;
  for (const auto& record : {SampleRecord(FullRequest()), SampleRecords()[1], SampleRecords()[2]}) {
    auto spans = fixture.Spans(record.body);
    otlp::ScopeSpans scope;
    scope.resource = ResourceOf(fixture.Context());
    scope.scope_name = kScopeName;
    scope.spans = spans;
    auto read = otlp::DecodeTraces(otlp::EncodeTraces({scope}));
    ASSERT_TRUE(read) << read.error().message;
    ASSERT_EQ(read->at(0).spans.size(), spans.size());
    EXPECT_EQ(read->at(0).resource, ResourceOf(fixture.Context()));
    for (size_t i = 0; i < spans.size(); ++i) {
      EXPECT_EQ(read->at(0).spans[i].attributes, spans[i].attributes);
      EXPECT_EQ(read->at(0).spans[i].span_id, spans[i].span_id);
      EXPECT_EQ(read->at(0).spans[i].flags, spans[i].flags);
    }
  }
}

TEST(OtelMapping, OtherRecordsHaveNoSpans) {
  auto records = SampleRecords();
  for (size_t i = 3; i < records.size(); ++i) EXPECT_THAT(Fixture().Spans(records[i].body), IsEmpty());
}

TEST(OtelMapping, UnknownBootAndModelLeaveOutWhatTheyWouldSay) {
  SpanContext context{.origin = "beleg-test", .boot_id = {}};
  EXPECT_EQ(ResourceOf(context), (otlp::Attributes{{"service.name", "unknown_service:beleg"}}));
  auto attributes = SpansOf(context, SampleRecord(SampleRequest()), 77, {})[0].attributes;
  EXPECT_FALSE(Has(attributes, "deployment.region"));
  EXPECT_FALSE(Has(attributes, "audit.model.sha256"));
  EXPECT_EQ(ValueOf(attributes, "gen_ai.model.id"), otlp::Value("smollm2-135m-instruct"));
}

TEST(OtelMapping, UnconfiguredRegionAndEnvironmentAreLeftOut) {
  Fixture fixture;
  fixture.boot.region = fixture.boot.environment = "";
  EXPECT_THAT(NamesOf(ResourceOf(fixture.Context())),
              ElementsAre("host.id", "service.instance.id", "service.name", "service.version",
                          "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version"));
  EXPECT_FALSE(Has(fixture.Spans(SampleRequest())[0].attributes, "cloud.region"));
}

TEST(OtelMapping, ExtremeTimesStayTimes) {
  Request request = SampleRequest();
  request.start_us = request.duration_us = request.queue_us = request.prefill_us = request.decode_us =
      (int64_t{1} << 53) - 1;
  request.params.choices = (int64_t{1} << 53) - 1;
  for (const auto& span : Fixture().Spans(request)) {
    EXPECT_GT(span.start_unix_ns, 0);
    EXPECT_LE(span.start_unix_ns, span.end_unix_ns);
  }
}

}  // namespace
}  // namespace beleg::record
