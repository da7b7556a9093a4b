#include "audit/holds.h"

#include <chrono>

#include "audit/report_text.h"
#include "audit/web_client.h"
#include "base/bytes.h"
#include "base/utc_day.h"

namespace beleg::audit {
namespace {

using wire::Json;

constexpr std::chrono::milliseconds kTimeout{30'000};
constexpr int64_t kDaySeconds = 86'400;
constexpr int64_t kSecondMicros = 1'000'000;

// Two digits below a limit.
Result<int64_t> ParsePart(std::string_view digits, int64_t limit) {
  TRY_ASSIGN(const uint64_t value, ParseUint64(digits));
  if (static_cast<int64_t>(value) >= limit)
    return Fail(ErrorCode::kInvalidArgument, "{} is too much", digits);
  return static_cast<int64_t>(value);
}

// As the first second of it.
Result<int64_t> ParseDay(std::string_view text) {
  const auto day = ParseUtcDay(text);
  if (!day || day->time_since_epoch().count() < 0) return Fail(ErrorCode::kInvalidArgument, "no day");
  return day->time_since_epoch().count() * kDaySeconds;
}

// "09:12:03"
Result<int64_t> ParseTimeOfDay(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':')
    return Fail(ErrorCode::kInvalidArgument, "no time");
  TRY_ASSIGN(const int64_t hours, ParsePart(text.substr(0, 2), 24));
  TRY_ASSIGN(const int64_t minutes, ParsePart(text.substr(3, 2), 60));
  TRY_ASSIGN(const int64_t seconds, ParsePart(text.substr(6), 60));
  return hours * 3600 + minutes * 60 + seconds;
}

Result<int64_t> ParseSeconds(std::string_view text) {
  TRY_ASSIGN(const int64_t day, ParseDay(text.substr(0, 10)));
  if (text.size() == 10) return day;
  if (text.size() != 20 || text[10] != 'T' || text[19] != 'Z')
    return Fail(ErrorCode::kInvalidArgument, "no time");
  TRY_ASSIGN(const int64_t time, ParseTimeOfDay(text.substr(11, 8)));
  return day + time;
}

// To the second.
std::string MomentText(int64_t unix_us) { return FormatUtc(unix_us).substr(0, 19) + "Z"; }

Result<std::unique_ptr<WebClient>> Connect(const StorePeer& store) {
  return WebClient::Open(store.url, store.api_key, kTimeout);
}

Result<Json> Answer(Result<net::HttpResponse> response) {
  if (!response) return std::unexpected<Error>(response.error());
  auto json = Json::Parse(response->body);
  if (!json) return Fail(ErrorCode::kDataLoss, "the store's answer: {}", json.error().message);
  return json;
}

// A member as text; "" when it is not there.
std::string Text(const Json& hold, std::string_view name) {
  const Json* value = hold.Find(name);
  if (value == nullptr) return "";
  return value->is_string() ? value->as_string() : value->Dump();
}

}  // namespace

Result<int64_t> ParseMoment(std::string_view text, bool end_of_day) {
  if (text.empty()) return 0;
  auto seconds = ParseSeconds(text);
  if (!seconds)
    return Fail(ErrorCode::kInvalidArgument, "\"{}\": want YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, from 1970 on",
                text);
  if (end_of_day && text.size() == 10) return (*seconds + kDaySeconds) * kSecondMicros - 1;
  return *seconds * kSecondMicros;
}

Result<Json> SetHold(const StorePeer& store, const HoldOrder& order) {
  TRY_ASSIGN(const int64_t from_us, ParseMoment(order.from, false));
  TRY_ASSIGN(const int64_t to_us, ParseMoment(order.to, true));
  Json body = Json::MakeObject({{"name", order.name}});
  if (!order.request_id.empty()) body.Set("request_id", order.request_id);
  if (!order.origin.empty()) body.Set("origin", order.origin);
  if (from_us != 0) body.Set("from_us", from_us);
  if (to_us != 0) body.Set("to_us", to_us);
  if (order.first_index != 0) body.Set("first_index", order.first_index);
  if (order.end_index != 0) body.Set("end_index", order.end_index);
  TRY_ASSIGN(auto client, Connect(store));
  return Answer(client->Post("api/holds", "application/json", body.Dump()));
}

Result<Json> LiftHold(const StorePeer& store, const std::string& name) {
  TRY_ASSIGN(auto client, Connect(store));
  return Answer(client->Delete("api/holds/" + PercentEncode(name)));
}

Result<Json> ListHolds(const StorePeer& store) {
  TRY_ASSIGN(auto client, Connect(store));
  return client->GetJson("api/holds");
}

std::string RenderHold(const Json& hold) {
  const std::string origin = Text(hold, "origin"), request_id = Text(hold, "request_id");
  std::string out = fmt::format("{}: {} records of {}", Text(hold, "name"), Text(hold, "items"),
                                origin.empty() ? "all logs" : origin);
  if (!request_id.empty()) out += fmt::format(", request {}", request_id);
  const Json *from = hold.Find("from_us"), *to = hold.Find("to_us");
  if (from != nullptr && from->is_int()) out += fmt::format(", from {}", MomentText(from->as_int()));
  if (to != nullptr && to->is_int()) out += fmt::format(", to {}", MomentText(to->as_int()));
  if (hold.Find("first_index") != nullptr) out += fmt::format(", from leaf {}", Text(hold, "first_index"));
  if (hold.Find("end_index") != nullptr) out += fmt::format(", before leaf {}", Text(hold, "end_index"));
  return out;
}

}  // namespace beleg::audit
