// /api/overview: how many requests, tokens and how fast, bucket by bucket; and what is served.
#include <array>

#include "base/clock.h"
#include "query/answers.h"
#include "query/query_api.h"

namespace beleg::query {
namespace {

using wire::Json;

constexpr int64_t kMinutesDefault = 15;
constexpr int64_t kMinutesMax = int64_t{7} * 24 * 60;
constexpr int64_t kBucketsMax = 120;
constexpr std::array<int64_t, 9> kBucketSeconds = {1, 5, 10, 30, 60, 300, 900, 1800, 7200};

int64_t BucketMicros(int64_t minutes) {
  for (const int64_t width_s : kBucketSeconds) {
    if (minutes * 60 <= width_s * kBucketsMax) return width_s * 1'000'000;
  }
  return kBucketSeconds.back() * 1'000'000;
}

std::string BucketsSql(int64_t start_us, int64_t end_us, int64_t width_us) {
  return fmt::format(
      "SELECT time_us // {2} * {2} AS start_unix_us, count(*) FILTER (outcome = 'ok') AS ok, "
      "count(*) FILTER (outcome = 'failed') AS failed, count(*) FILTER (outcome = 'cancelled') AS cancelled, "
      "count(*) FILTER (outcome = 'refused') AS refused, count(*) FILTER (outcome = 'lost') AS lost, "
      "coalesce(sum(input_tokens), 0)::BIGINT AS input_tokens, "
      "coalesce(sum(output_tokens), 0)::BIGINT AS output_tokens, "
      "quantile_cont(coalesce(queue_us, 0) + prefill_us, 0.5)::BIGINT AS ttft_p50_us, "
      "quantile_cont(coalesce(queue_us, 0) + prefill_us, 0.95)::BIGINT AS ttft_p95_us "
      "FROM records WHERE request_id IS NOT NULL AND time_us >= {0} AND time_us <= {1} GROUP BY 1 ORDER BY 1",
      start_us, end_us, width_us);
}

// {"columns":["a"],"rows":[[1]]} as [{"a":1}]
Json::Array Objects(const Json& table) {
  Json::Array out;
  const Json::Array& columns = table.Find("columns")->as_array();
  for (const Json& row : table.Find("rows")->as_array()) {
    Json object = Json::MakeObject({});
    for (size_t i = 0; i < columns.size(); ++i) object.Set(columns[i].as_string(), row.as_array()[i]);
    out.push_back(std::move(object));
  }
  return out;
}

}  // namespace

net::HttpResponse QueryApi::Overview(const net::HttpRequest& request) {
  auto parameters = Parameters::Read(request);
  if (!parameters) return ErrorAnswer(parameters.error());
  auto minutes = parameters->Int("minutes", kMinutesDefault, 1, kMinutesMax);
  if (!minutes) return ErrorAnswer(minutes.error(), "minutes");
  const int64_t width_us = BucketMicros(*minutes);
  const int64_t end_us =
      options_.clock == nullptr ? SystemClock().UnixMicros() : options_.clock->UnixMicros();
  const int64_t start_us = (end_us - *minutes * 60'000'000) / width_us * width_us;
  auto buckets = store_.Sql(BucketsSql(start_us, end_us, width_us), kBucketsMax + 2);
  if (!buckets) return ErrorAnswer(buckets.error());
  auto served = Served();
  if (!served) return ErrorAnswer(served.error());
  return JsonAnswer(Json::MakeObject({{"start_unix_us", start_us},
                                      {"end_unix_us", end_us},
                                      {"bucket_us", width_us},
                                      {"buckets", Objects(*buckets)},
                                      {"served", *std::move(served)}}));
}

Result<Json> QueryApi::Served() {
  TRY_ASSIGN(Json newest, store_.Sql("SELECT origin, type, max(leaf_index) AS leaf_index FROM records "
                                     "WHERE type IN ('boot', 'model') GROUP BY ALL",
                                     2 * mirrors_.size() + 2));
  Json::Array out;
  for (store::Mirror* mirror : mirrors_) {
    const std::string origin = mirror->state().origin;
    Json served = Json::MakeObject({{"origin", origin}});
    for (const Json& row : Objects(newest)) {
      if (row.Find("origin")->as_string() != origin) continue;
      auto entry = mirror->Entry(static_cast<uint64_t>(row.Find("leaf_index")->as_int()));
      if (!entry) continue;  // the ledger's state tells
      if (auto record = Json::Parse(*entry)) served.Set(row.Find("type")->as_string(), *std::move(record));
    }
    out.push_back(std::move(served));
  }
  return Json(std::move(out));
}

}  // namespace beleg::query
