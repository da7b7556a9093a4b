#include "store/span_row.h"

#include <algorithm>
#include <initializer_list>

#include "base/bytes.h"
#include "record/request_id.h"

namespace beleg::store {
namespace {

namespace otlp = wire::otlp;

// The first of these names that is there as text.
std::string Text(const otlp::Attributes& attributes, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) {
    const otlp::Value* value = FindAttribute(attributes, key);
    if (value == nullptr) continue;
    if (const auto* text = std::get_if<std::string>(&value->value)) return *text;
  }
  return "";
}

std::optional<int64_t> Int(const otlp::Attributes& attributes, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys) {
    const otlp::Value* value = FindAttribute(attributes, key);
    if (value == nullptr) continue;
    if (const auto* number = std::get_if<int64_t>(&value->value)) return *number;
  }
  return std::nullopt;
}

// "stop", or "stop,length" of several choices.
std::string FinishReasons(const otlp::Attributes& attributes) {
  constexpr std::string_view key = "gen_ai.response.finish_reasons";
  const otlp::Value* value = FindAttribute(attributes, key);
  if (value == nullptr) return "";
  const auto* items = std::get_if<std::vector<otlp::Value>>(&value->value);
  if (items == nullptr) return Text(attributes, {key});
  std::string out;
  for (const otlp::Value& item : *items) {
    const auto* text = std::get_if<std::string>(&item.value);
    if (text == nullptr) continue;
    if (!out.empty()) out += ',';
    out += *text;
  }
  return out;
}

// Ours without prefix, so that one form finds it; a foreign one as it is.
std::string RequestIdOf(const otlp::Attributes& attributes) {
  std::string text = Text(attributes, {"gen_ai.response.id", "gen_ai.request.id"});
  auto id = record::ParseRequestId(text);
  return id ? id->Hex() : text;
}

std::optional<LeafClaim> ClaimOf(const otlp::Attributes& attributes) {
  std::string origin = Text(attributes, {"audit.log.origin"});
  std::optional<int64_t> index = Int(attributes, {"audit.log.index"});
  if (origin.empty() || !index || *index < 0) return std::nullopt;
  return LeafClaim{std::move(origin), static_cast<uint64_t>(*index)};
}

SpanColumns ColumnsOf(const otlp::Attributes& attributes) {
  SpanColumns out;
  out.operation = Text(attributes, {"gen_ai.operation.name"});
  out.model = Text(attributes, {"gen_ai.response.model", "gen_ai.request.model", "gen_ai.model.id"});
  out.finish_reasons = FinishReasons(attributes);
  out.outcome = Text(attributes, {"audit.outcome"});
  out.error_type = Text(attributes, {"error.type"});
  out.request_id = RequestIdOf(attributes);
  out.region = Text(attributes, {"deployment.region", "cloud.region"});
  out.input_tokens = Int(attributes, {"gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens"});
  out.output_tokens = Int(attributes, {"gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens"});
  return out;
}

}  // namespace

PreparedBatch Prepare(std::vector<otlp::ScopeSpans> scopes) {
  PreparedBatch batch;
  for (otlp::ScopeSpans& scope : scopes) Prepare(std::move(scope), batch);
  return batch;
}

void Prepare(otlp::ScopeSpans scope, PreparedBatch& batch) {
  ResourceRow resource = PrepareResource(scope.resource);
  if (batch.resources.empty() || batch.resources.back().bytes != resource.bytes) {
    batch.resources.push_back(std::move(resource));
  }
  const size_t number = batch.resources.size() - 1;
  std::vector<otlp::Span> spans = std::move(scope.spans);
  std::vector<otlp::ScopeSpans> one(1);
  one[0].scope_name = std::move(scope.scope_name);
  one[0].scope_version = std::move(scope.scope_version);
  one[0].scope_attributes = std::move(scope.scope_attributes);
  for (otlp::Span& span : spans) {
    PreparedSpan out;
    out.resource = number;
    one[0].spans.clear();
    one[0].spans.push_back(std::move(span));
    out.bytes = otlp::EncodeTraces(one);
    out.span = std::move(one[0].spans[0]);
    out.fingerprint = FingerprintOf(batch.resources[number].bytes, out.bytes);
    out.claim = ClaimOf(out.span.attributes);
    out.columns = ColumnsOf(out.span.attributes);
    batch.spans.push_back(std::move(out));
  }
}

ResourceRow PrepareResource(const otlp::Attributes& attributes) {
  otlp::ScopeSpans scope;
  scope.resource = attributes;
  ResourceRow out;
  out.bytes = otlp::EncodeTraces({scope});
  out.fingerprint = FingerprintOf(out.bytes);
  out.service = Text(attributes, {"service.name"});
  out.region = Text(attributes, {"deployment.region", "cloud.region"});
  return out;
}

Result<otlp::Attributes> ReadResource(std::string_view bytes) {
  TRY_ASSIGN(auto scopes, otlp::DecodeTraces(bytes));
  return scopes.empty() ? otlp::Attributes{} : std::move(scopes[0].resource);
}

Result<otlp::ScopeSpans> ReadSpan(std::string_view bytes) {
  TRY_ASSIGN(auto scopes, otlp::DecodeTraces(bytes));
  if (scopes.size() != 1 || scopes[0].spans.size() != 1)
    return Fail(ErrorCode::kDataLoss, "a row holds no single span");
  return std::move(scopes[0]);
}

bool SaysNothingElse(const otlp::Span& copy, const otlp::Span& derived) {
  const bool same = copy.trace_id == derived.trace_id && copy.span_id == derived.span_id &&
                    copy.parent_span_id == derived.parent_span_id && copy.name == derived.name &&
                    copy.kind == derived.kind && copy.start_unix_ns == derived.start_unix_ns &&
                    copy.end_unix_ns == derived.end_unix_ns && copy.status == derived.status &&
                    copy.status_message == derived.status_message && copy.events == derived.events &&
                    copy.links == derived.links;
  return same &&
         std::all_of(copy.attributes.begin(), copy.attributes.end(), [&](const otlp::KeyValue& attribute) {
           const otlp::Value* value = FindAttribute(derived.attributes, attribute.key);
           return value != nullptr && *value == attribute.value;
         });
}

std::string_view Name(otlp::SpanKind kind) {
  switch (kind) {
    case otlp::SpanKind::kUnspecified: return "UNSPECIFIED";
    case otlp::SpanKind::kInternal: return "INTERNAL";
    case otlp::SpanKind::kServer: return "SERVER";
    case otlp::SpanKind::kClient: return "CLIENT";
    case otlp::SpanKind::kProducer: return "PRODUCER";
    case otlp::SpanKind::kConsumer: return "CONSUMER";
  }
  return "UNSPECIFIED";
}

std::string_view Name(otlp::StatusCode status) {
  switch (status) {
    case otlp::StatusCode::kUnset: return "UNSET";
    case otlp::StatusCode::kOk: return "OK";
    case otlp::StatusCode::kError: return "ERROR";
  }
  return "UNSET";
}

const otlp::Value* FindAttribute(const otlp::Attributes& attributes, std::string_view key) {
  auto found = std::find_if(attributes.begin(), attributes.end(),
                            [&](const auto& attribute) { return attribute.key == key; });
  return found == attributes.end() ? nullptr : &found->value;
}

}  // namespace beleg::store
