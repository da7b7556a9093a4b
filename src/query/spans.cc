// /api/v1/spans, as the tutorial's client calls it, and /api/v1/traces/ID.
#include <algorithm>

#include "base/ids.h"
#include "query/answers.h"
#include "query/query_api.h"
#include "store/span_row.h"
#include "wire/otlp_json.h"

namespace beleg::query {
namespace {

namespace otlp = wire::otlp;
using wire::Json;

constexpr int64_t kSpansDefault = 100;
constexpr int64_t kSpansMax = 10'000;

Json EventsToJson(const std::vector<otlp::Event>& events) {
  Json::Array out;
  for (const otlp::Event& event : events) {
    out.push_back(Json::MakeObject({{"time_unix_ns", event.time_unix_ns},
                                    {"name", event.name},
                                    {"attributes", otlp::AttributesToPlainJson(event.attributes)}}));
  }
  return out;
}

// The span's own, and of its resource what says where it ran: a collector's resource processor writes deployment.region there,
// and clients look for it here.
Json AttributesToJson(const store::SpanRow& row) {
  constexpr std::string_view kPlace = "deployment.";
  otlp::Attributes all = row.span.attributes;
  for (const otlp::KeyValue& entry : row.resource) {
    if (!entry.key.starts_with(kPlace)) continue;
    if (std::ranges::find(row.span.attributes, entry.key, &otlp::KeyValue::key) == row.span.attributes.end())
      all.push_back(entry);
  }
  return otlp::AttributesToPlainJson(all);
}

Json SpanToJson(const store::SpanRow& row) {
  const otlp::Span& span = row.span;
  return Json::MakeObject({{"trace_id", span.trace_id.Hex()},
                           {"span_id", span.span_id.Hex()},
                           {"parent_span_id", span.parent_span_id.IsZero() ? "" : span.parent_span_id.Hex()},
                           {"service", row.service},
                           {"name", span.name},
                           {"kind", store::Name(span.kind)},
                           {"start_unix_ns", span.start_unix_ns},
                           {"duration_ns", span.end_unix_ns - span.start_unix_ns},
                           {"status", store::Name(span.status)},
                           {"status_message", span.status_message},
                           {"verified", row.verified},
                           {"scope", row.scope},
                           {"attributes", AttributesToJson(row)},
                           {"resource", otlp::AttributesToPlainJson(row.resource)},
                           {"events", EventsToJson(span.events)}});
}

net::HttpResponse SpansAnswer(store::Store& store, const store::SpanFilter& filter) {
  auto rows = store.FindSpans(filter);
  if (!rows) return ErrorAnswer(rows.error());
  Json::Array spans;
  for (const store::SpanRow& row : *rows) spans.push_back(SpanToJson(row));
  return JsonAnswer(Json::MakeObject({{"spans", std::move(spans)}}));
}

}  // namespace

net::HttpResponse QueryApi::Spans(const net::HttpRequest& request) {
  auto parameters = Parameters::Read(request);
  if (!parameters) return ErrorAnswer(parameters.error());
  auto range = ReadTimeRange(*parameters);
  if (!range) return range.error();
  auto limit = parameters->Int("limit", kSpansDefault, 1, kSpansMax);
  if (!limit) return ErrorAnswer(limit.error(), "limit");
  store::SpanFilter filter;
  filter.service = parameters->Text("service");
  filter.start_us = range->start_us;
  filter.end_us = range->end_us;
  filter.limit = static_cast<size_t>(*limit);
  WaitVisible();
  return SpansAnswer(store_, filter);
}

net::HttpResponse QueryApi::Trace(std::string_view trace_id) {
  auto id = TraceId::FromHex(trace_id);
  if (!id)
    return ErrorAnswer({ErrorCode::kInvalidArgument, "trace id: want 32 hexadecimal digits"}, "trace_id");
  store::SpanFilter filter;
  filter.trace_id = id->Hex();
  filter.limit = kSpansMax;
  WaitVisible();
  return SpansAnswer(store_, filter);
}

}  // namespace beleg::query
