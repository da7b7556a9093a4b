#include "store/span_row.h"

#include <algorithm>
#include <initializer_list>

#include "base/bytes.h"
#include "record/request_id.h"

namespace beleg::store {
namespace {

namespace otlp = wire::otlp;

using Views = std::vector<otlp::AttributeView>;
using Keys = std::initializer_list<std::string_view>;

const otlp::ValueView* Find(const Views& attributes, std::string_view key) {
  auto found = std::ranges::find(attributes, key, &otlp::AttributeView::key);
  return found == attributes.end() ? nullptr : &found->value;
}

// The first of these names that is there as text.
std::string_view Text(const Views& attributes, Keys keys) {
  for (std::string_view key : keys) {
    const otlp::ValueView* value = Find(attributes, key);
    if (value != nullptr && value->type == otlp::ValueView::Type::kText) return value->bytes;
  }
  return "";
}

std::optional<int64_t> Int(const Views& attributes, Keys keys) {
  for (std::string_view key : keys) {
    const otlp::ValueView* value = Find(attributes, key);
    if (value != nullptr && value->type == otlp::ValueView::Type::kInt) return value->number;
  }
  return std::nullopt;
}

// "stop", or "stop,length" of several choices.
std::string FinishReasons(const Views& attributes) {
  const otlp::ValueView* value = Find(attributes, "gen_ai.response.finish_reasons");
  if (value == nullptr) return "";
  if (value->type == otlp::ValueView::Type::kText) return std::string(value->bytes);
  if (value->type != otlp::ValueView::Type::kArray) return "";
  return fmt::format("{}", fmt::join(otlp::TextsOf(*value), ","));
}

// Ours without prefix, so that one form finds it; a foreign one as it is.
std::string RequestIdOf(const Views& attributes) {
  const std::string_view text = Text(attributes, {"gen_ai.response.id", "gen_ai.request.id"});
  auto id = record::ParseRequestId(text);
  return id ? id->Hex() : std::string(text);
}

std::optional<LeafClaim> ClaimOf(const Views& attributes) {
  const std::string_view origin = Text(attributes, {"audit.log.origin"});
  const std::optional<int64_t> index = Int(attributes, {"audit.log.index"});
  if (origin.empty() || !index || *index < 0) return std::nullopt;
  return LeafClaim{std::string(origin), static_cast<uint64_t>(*index)};
}

SpanColumns ColumnsOf(const Views& attributes) {
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

std::string ResourceText(const otlp::Attributes& attributes, Keys keys) {
  for (std::string_view key : keys) {
    const otlp::Value* value = FindAttribute(attributes, key);
    if (value == nullptr) continue;
    if (const auto* text = std::get_if<std::string>(&value->value)) return *text;
  }
  return "";
}

// Spans of one scope, under the batch's last resource.
void PrepareScope(otlp::ScopeSpansView scope, PreparedBatch& batch) {
  const size_t resource = batch.resources.size() - 1;
  batch.scopes.push_back(std::move(scope.scope));
  // Of fixed length, so that no two of resource, scope and span run into one another.
  const Fingerprint of_scope = FingerprintOf(batch.scopes.back());
  std::string under(AsView(batch.resources[resource].fingerprint));
  under += AsView(of_scope);
  for (otlp::SpanView& span : scope.spans) {
    PreparedSpan& out = batch.spans.emplace_back();
    out.resource = resource;
    out.scope = batch.scopes.size() - 1;
    const Views attributes = std::exchange(span.attributes, {});
    out.claim = ClaimOf(attributes);
    out.columns = ColumnsOf(attributes);
    out.fingerprint = FingerprintOf(under, span.bytes);
    out.span = std::move(span);
  }
}

}  // namespace

Result<PreparedBatch> Prepare(std::string_view request, otlp::PartialSuccess& rejected) {
  TRY_ASSIGN(auto resources, otlp::ViewTraces(request, rejected));
  PreparedBatch batch;
  for (otlp::ResourceSpansView& resource : resources) {
    if (resource.scopes.empty()) continue;
    ResourceRow row = PrepareResource(resource.resource);
    if (batch.resources.empty() || batch.resources.back().bytes != row.bytes)
      batch.resources.push_back(std::move(row));
    for (otlp::ScopeSpansView& scope : resource.scopes) PrepareScope(std::move(scope), batch);
  }
  return batch;
}

Result<void> CheckCopies(const PreparedBatch& batch) {
  size_t bytes = 0;
  for (const PreparedSpan& span : batch.spans)
    bytes += batch.scopes[span.scope].size() + batch.resources[span.resource].service.size();
  if (bytes <= kCopiesBytesMax) return {};
  return Fail(ErrorCode::kInvalidArgument,
              "{} bytes of copies of scopes and service.name in the rows of {} spans, at most {}: send fewer "
              "spans in a request",
              bytes, batch.spans.size(), kCopiesBytesMax);
}

ResourceRow PrepareResource(const otlp::Attributes& attributes) {
  otlp::ScopeSpans scope;
  scope.resource = attributes;
  ResourceRow out;
  out.bytes = otlp::EncodeTraces({scope});
  out.fingerprint = FingerprintOf(out.bytes);
  out.service = ResourceText(attributes, {"service.name"});
  out.region = ResourceText(attributes, {"deployment.region", "cloud.region"});
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
