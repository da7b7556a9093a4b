#include "audit/stored_span.h"

#include <initializer_list>

namespace beleg::audit {
namespace {

using wire::Json;

// The first of these members that is there.
const Json* AnyOf(const Json& span, std::initializer_list<std::string_view> keys) {
  for (std::string_view key : keys)
    if (const Json* value = span.Find(key)) return value;
  return nullptr;
}

std::string TextOf(const Json* value) {
  if (value == nullptr || value->is_null()) return "";
  return value->is_string() ? value->as_string() : value->Dump();
}

// "SERVER", "Server", "SPAN_KIND_SERVER", "SpanKind.SERVER" and OTLP's 2 are all in use.
bool IsServer(const Json* kind) {
  if (kind == nullptr || kind->is_null()) return true;
  if (kind->is_int()) return kind->as_int() == 2;
  if (!kind->is_string()) return false;
  std::string name = kind->as_string();
  for (char& c : name)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return name.ends_with("SERVER") || name == "2";
}

}  // namespace

std::string StoredSpan::Text(std::string_view key) const { return TextOf(attributes.Find(key)); }

Result<std::vector<StoredSpan>> FetchSpans(WebClient& store, const SpanQuery& query) {
  std::string path = fmt::format("api/v1/spans?service={}&start={}&end={}&limit={}",
                                 PercentEncode(query.service), query.start_ms, query.end_ms, query.limit);
  TRY_ASSIGN(Json answer, store.GetJson(path));
  const Json* rows = answer.Find("spans");
  if (rows == nullptr || !rows->is_array())
    return Fail(ErrorCode::kDataLoss, "GET {}/{}: spans: not an array", store.base_url(), path);
  std::vector<StoredSpan> spans;
  for (size_t i = 0; i < rows->as_array().size(); ++i) {
    const Json& row = rows->as_array()[i];
    StoredSpan span;
    const Json* attributes = row.Find("attributes");
    if (attributes == nullptr || !attributes->is_object())
      return Fail(ErrorCode::kDataLoss, "GET {}/{}: spans[{}].attributes: not an object", store.base_url(),
                  path, i);
    span.attributes = *attributes;
    span.trace_id = TextOf(AnyOf(row, {"trace_id", "traceId", "traceID"}));
    span.span_id = TextOf(AnyOf(row, {"span_id", "spanId", "spanID"}));
    span.name = TextOf(AnyOf(row, {"name", "operationName"}));
    span.server = IsServer(AnyOf(row, {"kind", "span_kind", "spanKind"}));
    spans.push_back(std::move(span));
  }
  return spans;
}

}  // namespace beleg::audit
