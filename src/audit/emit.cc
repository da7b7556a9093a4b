#include "audit/emit.h"

#include "audit/report_text.h"
#include "audit/web_client.h"
#include "wire/otlp_json.h"

namespace beleg::audit {
namespace {

using wire::Json;

constexpr int64_t kDurationUs = 10'000;
constexpr std::chrono::milliseconds kSendTimeout{10'000};
constexpr std::string_view kPath = "v1/traces";

Json ContextOf(const wire::otlp::Span& span) {
  return Json::MakeObject({{"trace_id", "0x" + span.trace_id.Hex()},
                           {"span_id", "0x" + span.span_id.Hex()},
                           {"trace_state", "[]"}});
}

}  // namespace

EmittedSpan MakeTestSpan(const EmitOptions& options) {
  SystemClock system_clock;
  SystemRng system_rng;
  const Clock& clock = options.clock != nullptr ? *options.clock : system_clock;
  Rng& rng = options.rng != nullptr ? *options.rng : system_rng;
  int64_t end_us = clock.UnixMicros();

  wire::otlp::Span span;
  span.trace_id = NewTraceId(clock, rng);
  span.span_id = {rng.Draw<std::array<uint8_t, 8>>()};
  span.name = "llm.generate";
  span.kind = wire::otlp::SpanKind::kInternal;
  span.start_unix_ns = (end_us - kDurationUs) * 1000;
  span.end_unix_ns = end_us * 1000;
  span.attributes = {
      {"gen_ai.model.id", options.model_id},
      {"gen_ai.usage.prompt_tokens", options.prompt_tokens},
      {"gen_ai.usage.completion_tokens", options.completion_tokens},
      {"gen_ai.response.finish_reasons", std::vector<wire::otlp::Value>{options.finish_reason}},
      {"gen_ai.system", "vllm"},
      {"gen_ai.operation.name", "chat"}};

  EmittedSpan emitted;
  emitted.trace_id = span.trace_id;
  emitted.scope.resource = {{"telemetry.sdk.language", "cpp"},
                            {"telemetry.sdk.name", "beleg"},
                            {"service.name", options.service},
                            {"deployment.region", options.region},
                            {"deployment.environment", options.environment}};
  emitted.scope.scope_name = "vllm.inference";
  emitted.scope.spans.push_back(std::move(span));
  return emitted;
}

Result<void> SendSpan(const EmitOptions& options, const EmittedSpan& emitted) {
  std::string base = options.endpoint;
  while (base.ends_with('/')) base.pop_back();
  if (base.ends_with(kPath)) base.resize(base.size() - kPath.size());
  TRY_ASSIGN(auto client, WebClient::Open(base, options.token, kSendTimeout));
  TRY_ASSIGN(net::HttpResponse response,
             client->Post(kPath, "application/x-protobuf", wire::otlp::EncodeTraces({emitted.scope})));
  // An empty answer is full success; anything in it is a partial one (opentelemetry-proto, partial_success).
  if (response.body != wire::otlp::EncodeTraceResponse(0, ""))
    return Fail(ErrorCode::kDataLoss,
                "POST {}/{}: the peer rejected the span or has something to say about it", client->base_url(),
                kPath);
  return {};
}

std::string RenderConsole(const EmittedSpan& emitted) {
  const wire::otlp::Span& span = emitted.scope.spans[0];
  Json resource = Json::MakeObject(
      {{"attributes", wire::otlp::AttributesToPlainJson(emitted.scope.resource)}, {"schema_url", ""}});
  Json shown = Json::MakeObject({{"name", span.name},
                                 {"context", ContextOf(span)},
                                 {"kind", "SpanKind.INTERNAL"},
                                 {"parent_id", nullptr},
                                 {"start_time", FormatUtc(span.start_unix_ns / 1000)},
                                 {"end_time", FormatUtc(span.end_unix_ns / 1000)},
                                 {"status", Json::MakeObject({{"status_code", "UNSET"}})},
                                 {"attributes", wire::otlp::AttributesToPlainJson(span.attributes)},
                                 {"events", Json::MakeArray()},
                                 {"links", Json::MakeArray()},
                                 {"resource", std::move(resource)}});
  return fmt::format("{}\ntrace_id={}\n", PrettyJson(shown, 4), emitted.trace_id.Hex());
}

}  // namespace beleg::audit
