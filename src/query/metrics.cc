// /api/metrics: the points of one metric, series by series; without a name, which metrics there are.
#include "query/answers.h"
#include "query/query_api.h"

namespace beleg::query {
namespace {

using wire::Json;

constexpr int64_t kPointsDefault = 10'000;
constexpr int64_t kPointsMax = 100'000;
constexpr int64_t kStepMax_ms = int64_t{24} * 3600 * 1000;

template <class T>
void SetIf(Json& object, std::string_view name, const std::optional<T>& value) {
  if (value) object.Set(name, *value);
}

Result<Json> PointToJson(const store::MetricPoint& point) {
  Json out = Json::MakeObject({{"time_unix_us", point.time_us}});
  SetIf(out, "start_unix_us", point.start_us);
  SetIf(out, "value", point.value);
  SetIf(out, "count", point.count);
  SetIf(out, "sum", point.sum);
  SetIf(out, "min", point.min);
  SetIf(out, "max", point.max);
  if (point.distribution.empty()) return out;
  TRY_ASSIGN(Json distribution, Json::Parse(point.distribution));
  for (auto& [name, list] : distribution.as_object()) out.Set(name, std::move(list));
  return out;
}

Result<Json> SeriesToJson(const store::MetricSeries& series) {
  TRY_ASSIGN(Json attributes, Json::Parse(series.attributes));
  TRY_ASSIGN(Json resource, Json::Parse(series.resource));
  Json::Array points;
  for (const store::MetricPoint& point : series.points) {
    TRY_ASSIGN(Json one, PointToJson(point));
    points.push_back(std::move(one));
  }
  return Json::MakeObject({{"type", series.type},
                           {"unit", series.unit},
                           {"description", series.description},
                           {"temporality", series.temporality},
                           {"monotonic", series.is_monotonic},
                           {"service", series.service},
                           {"scope", series.scope},
                           {"attributes", std::move(attributes)},
                           {"resource", std::move(resource)},
                           {"points", std::move(points)}});
}

Result<Json> AnswerToJson(const std::string& name, const store::MetricAnswer& answer) {
  Json::Array series;
  for (const store::MetricSeries& each : answer.series) {
    TRY_ASSIGN(Json one, SeriesToJson(each));
    series.push_back(std::move(one));
  }
  Json out = Json::MakeObject({{"name", name}, {"series", std::move(series)}});
  if (answer.truncated) out.Set("truncated", true);
  return out;
}

}  // namespace

net::HttpResponse QueryApi::MetricPoints(const net::HttpRequest& request) {
  auto parameters = Parameters::Read(request);
  if (!parameters) return ErrorAnswer(parameters.error());
  store::MetricFilter filter;
  filter.name = parameters->Text("name");
  if (filter.name.empty()) return MetricNames();
  auto range = ReadTimeRange(*parameters);
  if (!range) return range.error();
  auto limit = parameters->Int("limit", kPointsDefault, 1, kPointsMax);
  if (!limit) return ErrorAnswer(limit.error(), "limit");
  auto step_ms = parameters->Int("step", 0, 0, kStepMax_ms);
  if (!step_ms) return ErrorAnswer(step_ms.error(), "step");
  filter.service = parameters->Text("service");
  filter.start_us = range->start_us;
  filter.end_us = range->end_us;
  filter.step_us = *step_ms * 1000;
  filter.limit = static_cast<size_t>(*limit);
  auto found = store_.FindMetrics(filter);
  if (!found) return ErrorAnswer(found.error());
  auto answer = AnswerToJson(filter.name, *found);
  return answer ? JsonAnswer(*answer) : ErrorAnswer(answer.error());
}

net::HttpResponse QueryApi::MetricNames() {
  auto names = store_.MetricNames();
  if (!names) return ErrorAnswer(names.error());
  Json::Array out;
  for (const store::MetricName& name : *names) {
    out.push_back(Json::MakeObject({{"name", name.name},
                                    {"type", name.type},
                                    {"unit", name.unit},
                                    {"description", name.description},
                                    {"series", name.series},
                                    {"last_unix_us", name.last_us}}));
  }
  return JsonAnswer(Json::MakeObject({{"metrics", std::move(out)}}));
}

}  // namespace beleg::query
