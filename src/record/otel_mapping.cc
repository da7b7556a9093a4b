#include "record/otel_mapping.h"

#include <algorithm>

#include "record/request_id.h"

namespace beleg::record {
namespace {

namespace otlp = wire::otlp;

constexpr int64_t kTimeMaxUs = (int64_t{1} << 53) - 1;  // in nanoseconds it still fits int64

// W3C trace flags (sampled) and OTLP's two bits beside them: whether the parent's being remote is known, and is so.
constexpr uint32_t kSampled = 0x1, kHasIsRemote = 0x100, kIsRemote = 0x200;

// Attributes that belong to one set of names or to all.
class AttributeWriter {
 public:
  explicit AttributeWriter(Semconv semconv) : semconv_(semconv) {}

  void All(std::string_view name, otlp::Value value) {
    attributes_.push_back({std::string(name), std::move(value)});
  }
  void Latest(std::string_view name, otlp::Value value) {
    if (semconv_ != Semconv::kLegacy) All(name, std::move(value));
  }
  void Legacy(std::string_view name, otlp::Value value) {
    if (semconv_ != Semconv::kLatest) All(name, std::move(value));
  }
  otlp::Attributes Take() { return std::move(attributes_); }

 private:
  const Semconv semconv_;
  otlp::Attributes attributes_;
};

double Seconds(int64_t us) { return static_cast<double>(us) / 1e6; }
otlp::Value Int(uint64_t value) { return static_cast<int64_t>(value); }
int64_t Later(int64_t time_us, int64_t duration_us) {
  return std::min(time_us, kTimeMaxUs) +
         std::min(std::max<int64_t>(duration_us, 0), kTimeMaxUs - std::min(time_us, kTimeMaxUs));
}

void WriteRegion(AttributeWriter& out, const SpanContext& context) {
  if (context.boot == nullptr || context.boot->region.empty()) return;
  out.Latest("cloud.region", context.boot->region);
  out.Legacy("deployment.region", context.boot->region);
}

void WriteParams(AttributeWriter& out, const Params& params) {
  out.All("gen_ai.request.max_tokens", params.max_tokens);
  out.All("gen_ai.request.temperature", params.temperature);
  out.All("gen_ai.request.top_p", params.top_p);
  if (params.top_k != 0) out.Latest("gen_ai.request.top_k", params.top_k);
  if (params.presence_penalty != 0) out.Latest("gen_ai.request.presence_penalty", params.presence_penalty);
  if (params.frequency_penalty != 0) out.Latest("gen_ai.request.frequency_penalty", params.frequency_penalty);
  if (params.seed) out.Latest("gen_ai.request.seed", *params.seed);
  out.Latest("gen_ai.request.stream", params.stream);
  if (params.choices != 1) out.Latest("gen_ai.request.choice.count", params.choices);
  out.Legacy("gen_ai.request.n", params.choices);
}

// One a choice; a choice that never ended has "error".
otlp::Value FinishReasons(const Request& request) {
  std::vector<otlp::Value> reasons(request.finish_reasons.begin(), request.finish_reasons.end());
  size_t choices = static_cast<size_t>(std::clamp<int64_t>(request.params.choices, 1, kRecordBytesMax));
  if (reasons.size() < choices) reasons.resize(choices, otlp::Value("error"));
  return reasons;
}

void WriteResult(AttributeWriter& out, const Request& request) {
  out.All("gen_ai.response.finish_reasons", FinishReasons(request));
  out.Latest("gen_ai.usage.input_tokens", request.input_tokens);
  out.Latest("gen_ai.usage.output_tokens", request.output_tokens);
  out.Latest("gen_ai.usage.cache_read.input_tokens", request.cached_tokens);
  out.Legacy("gen_ai.usage.prompt_tokens", request.input_tokens);
  out.Legacy("gen_ai.usage.completion_tokens", request.output_tokens);
}

void WriteLatencies(AttributeWriter& out, const Request& request) {
  out.Legacy("gen_ai.latency.e2e", Seconds(request.duration_us));
  if (request.queue_us >= 0) out.Legacy("gen_ai.latency.time_in_queue", Seconds(request.queue_us));
  if (request.prefill_us >= 0)
    out.Legacy("gen_ai.latency.time_in_model_prefill", Seconds(request.prefill_us));
  if (request.queue_us < 0 || request.prefill_us < 0 || request.decode_us < 0) return;
  double first_token = Seconds(request.queue_us + request.prefill_us);
  out.Legacy("gen_ai.latency.time_in_model_decode", Seconds(request.decode_us));
  out.Legacy("gen_ai.latency.time_in_model_inference", Seconds(request.prefill_us + request.decode_us));
  out.Legacy("gen_ai.latency.time_to_first_token", first_token);
  out.Legacy("gen_ai.server.ttft", first_token);
  out.Latest("gen_ai.response.time_to_first_chunk", first_token);
}

void WriteModel(AttributeWriter& out, const SpanContext& context, const Request& request) {
  out.Latest("gen_ai.request.model", request.model);
  out.Latest("gen_ai.response.model", request.model);
  out.Legacy("gen_ai.model.id", request.model);
  out.All("audit.model.index", Int(request.model_index));
  if (context.model != nullptr && context.model->weights_sha256 != Hash32{})
    out.All("audit.model.sha256", HexEncode(AsView(context.model->weights_sha256)));
}

// Everything that a server span says about one request, from one record.
class SpanMaker {
 public:
  SpanMaker(const SpanContext& context, const AuditRecord& record, const RequestIdentity& identity,
            uint64_t leaf_index, const Hash32& leaf_hash)
      : context_(context),
        record_(record),
        identity_(identity),
        leaf_index_(leaf_index),
        leaf_hash_(leaf_hash),
        request_id_(DeriveRequestId(BootOfRequest(record), identity.seq, identity.trace_id)) {}

  std::vector<otlp::Span> Spans(const Request& request) const;
  std::vector<otlp::Span> Spans(const Refused& refused) const;
  std::vector<otlp::Span> Spans(const Lost& lost) const;

 private:
  otlp::Span ServerSpan(std::string_view model, int64_t start_us, int64_t end_us) const;
  otlp::Span Phase(std::string_view role, int64_t start_us, int64_t end_us) const;
  void WriteIdentity(AttributeWriter& out, std::string_view outcome) const;

  const SpanContext& context_;
  const AuditRecord& record_;
  const RequestIdentity& identity_;
  const uint64_t leaf_index_;
  const Hash32& leaf_hash_;
  const RequestId request_id_;
};

void SetError(otlp::Span& span, AttributeWriter& out, std::string_view type, std::string message) {
  out.All("error.type", type);
  span.status = otlp::StatusCode::kError;
  span.status_message = std::move(message);
}

// "_OTHER" is the conventions' word for an error without one.
std::string_view ErrorTypeOf(const Request& request) {
  if (request.error != ErrorType::kNone) return Name(request.error);
  return request.outcome == Outcome::kCancelled ? Name(ErrorType::kClientGone) : "_OTHER";
}

std::vector<otlp::Span> SpanMaker::Spans(const Request& request) const {
  int64_t end_us = Later(request.start_us, request.duration_us);
  otlp::Span server = ServerSpan(request.model, request.start_us, end_us);
  AttributeWriter out(context_.semconv);
  WriteIdentity(out, Name(request.outcome));
  out.All("http.response.status_code", request.status);
  if (request.outcome != Outcome::kOk)
    SetError(server, out, ErrorTypeOf(request),
             fmt::format("{}: {}", Name(request.outcome), ErrorTypeOf(request)));
  WriteModel(out, context_, request);
  WriteParams(out, request.params);
  WriteResult(out, request);
  WriteLatencies(out, request);
  server.attributes = out.Take();

  std::vector<otlp::Span> spans = {std::move(server)};
  int64_t phase_us = request.start_us;
  for (auto [role, duration_us] : {std::pair{"queue", request.queue_us},
                                   {"prefill", request.prefill_us},
                                   {"decode", request.decode_us}}) {
    if (duration_us < 0) break;
    int64_t next_us = std::min(Later(phase_us, duration_us), end_us);
    spans.push_back(Phase(role, phase_us, next_us));
    phase_us = next_us;
  }
  return spans;
}

std::vector<otlp::Span> SpanMaker::Spans(const Refused& refused) const {
  otlp::Span server = ServerSpan("", refused.start_us, std::max(refused.start_us, record_.time_us));
  AttributeWriter out(context_.semconv);
  WriteIdentity(out, "refused");
  out.All("http.response.status_code", refused.status);
  out.All("http.request.body.size", refused.body_bytes);
  std::string_view type = refused.error == ErrorType::kNone ? "_OTHER" : Name(refused.error);
  SetError(server, out, type, fmt::format("refused: {}", type));
  server.attributes = out.Take();
  return {std::move(server)};
}

// Nobody knows when it ended: the span has no length.
std::vector<otlp::Span> SpanMaker::Spans(const Lost& lost) const {
  otlp::Span server = ServerSpan("", lost.start_us, lost.start_us);
  AttributeWriter out(context_.semconv);
  WriteIdentity(out, "lost");
  SetError(server, out, "lost", "lost: the server ended before the request did");
  server.attributes = out.Take();
  return {std::move(server)};
}

otlp::Span SpanMaker::ServerSpan(std::string_view model, int64_t start_us, int64_t end_us) const {
  otlp::Span span;
  span.trace_id = identity_.trace_id;
  span.span_id = DeriveSpanId(request_id_, "server");
  span.parent_span_id = identity_.parent_span_id;
  span.name = model.empty() ? std::string(Name(identity_.operation))
                            : fmt::format("{} {}", Name(identity_.operation), model);
  span.kind = otlp::SpanKind::kServer;
  span.start_unix_ns = Later(start_us, 0) * 1000;
  span.end_unix_ns = Later(end_us, 0) * 1000;
  span.flags = kSampled | kHasIsRemote | (identity_.parent_span_id.IsZero() ? 0 : kIsRemote);
  return span;
}

otlp::Span SpanMaker::Phase(std::string_view role, int64_t start_us, int64_t end_us) const {
  AttributeWriter out(context_.semconv);
  out.All("audit.log.origin", context_.origin);
  out.All("audit.log.index", Int(leaf_index_));
  WriteRegion(out, context_);
  otlp::Span span;
  span.trace_id = identity_.trace_id;
  span.span_id = DeriveSpanId(request_id_, role);
  span.parent_span_id = DeriveSpanId(request_id_, "server");
  span.name = role;
  span.kind = otlp::SpanKind::kInternal;
  span.start_unix_ns = Later(start_us, 0) * 1000;
  span.end_unix_ns = Later(end_us, 0) * 1000;
  span.attributes = out.Take();
  span.flags = kSampled | kHasIsRemote;
  return span;
}

void SpanMaker::WriteIdentity(AttributeWriter& out, std::string_view outcome) const {
  std::string id = FormatRequestId(identity_.operation, request_id_);
  out.All("gen_ai.operation.name", Name(identity_.operation));
  out.Latest("gen_ai.provider.name", kScopeName);
  out.Legacy("gen_ai.system", kScopeName);
  out.Latest("gen_ai.response.id", id);
  out.Legacy("gen_ai.request.id", id);
  WriteRegion(out, context_);
  out.All("audit.outcome", outcome);
  out.All("audit.caller", identity_.caller);
  out.All("audit.boot", BootOfRequest(record_).Hex());
  out.All("audit.seq", Int(identity_.seq));
  out.All("audit.log.origin", context_.origin);
  out.All("audit.log.index", Int(leaf_index_));
  out.All("audit.leaf_hash", HexEncode(AsView(leaf_hash_)));
}

}  // namespace

otlp::Attributes ResourceOf(const SpanContext& context) {
  AttributeWriter out(context.semconv);
  out.All("service.name", context.boot == nullptr ? "unknown_service:beleg" : context.boot->service_name);
  if (!context.boot_id.IsZero()) out.All("service.instance.id", context.boot_id.Hex());
  if (context.boot == nullptr) return out.Take();
  out.All("service.version", context.boot->version);
  WriteRegion(out, context);
  if (!context.boot->environment.empty()) {
    out.Latest("deployment.environment.name", context.boot->environment);
    out.Legacy("deployment.environment", context.boot->environment);
  }
  out.All("host.id", context.boot->host);
  out.All("telemetry.sdk.name", kScopeName);
  out.All("telemetry.sdk.language", "cpp");
  out.All("telemetry.sdk.version", context.boot->version);
  return out.Take();
}

std::vector<otlp::Span> SpansOf(const SpanContext& context, const AuditRecord& record, uint64_t leaf_index,
                                const Hash32& leaf_hash) {
  const RequestIdentity* identity = IdentityOf(record);
  if (identity == nullptr) return {};
  SpanMaker maker(context, record, *identity, leaf_index, leaf_hash);
  if (const auto* request = std::get_if<Request>(&record.body)) return maker.Spans(*request);
  if (const auto* refused = std::get_if<Refused>(&record.body)) return maker.Spans(*refused);
  return maker.Spans(std::get<Lost>(record.body));
}

}  // namespace beleg::record
