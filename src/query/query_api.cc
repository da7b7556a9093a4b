#include "query/query_api.h"

#include "base/clock.h"
#include "query/answers.h"
#include "query/holds.h"
#include "query/page.h"

namespace beleg::query {
namespace {

using wire::Json;

constexpr std::string_view kTracePrefix = "/api/v1/traces/";
constexpr std::string_view kRecordPrefix = "/api/records/";
constexpr int64_t kSqlRowsDefault = 1'000;
constexpr int64_t kSqlRowsMax = 100'000;

}  // namespace

QueryApi::QueryApi(QueryApiOptions options, store::Store& store, std::vector<store::Mirror*> mirrors)
    : options_(std::move(options)), store_(store), mirrors_(std::move(mirrors)), mirror_api_(mirrors_) {}

net::HttpResponse QueryApi::Handle(const net::HttpRequest& request) {
  const std::string_view path = request.path();
  const bool get = request.method == "GET";
  if (path == "/health") return get ? Health() : WrongMethod("GET");
  if (IsPagePath(path)) return get ? PageAnswer(request) : WrongMethod("GET");
  if (path == store::kAddCheckpointPath)
    return request.method == "POST" ? mirror_api_.AddCheckpoint(request.body) : WrongMethod("POST");
  if (!IsAllowed(request.headers))
    return ErrorAnswer({ErrorCode::kUnauthenticated, "wrong or no key in Authorization: Bearer"});
  if (IsHeldLeavesPath(path)) return get ? HeldLeaves(path) : WrongMethod("GET");
  if (path.starts_with(store::kMirrorPrefix)) return get ? mirror_api_.Read(path) : WrongMethod("GET");
  CountRead(path);
  if (path == "/api/log") return request.method == "POST" ? TakeRecord(request) : WrongMethod("POST");
  if (path == "/api/sql") return request.method == "POST" ? Sql(request) : WrongMethod("POST");
  if (IsHoldsPath(path)) return HandleHolds(request);
  const bool known = path == "/api/v1/spans" || path == "/api/records" || path == "/api/ledger" ||
                     path == "/api/overview" || path == "/api/metrics" || path == "/metrics" ||
                     path.starts_with(kTracePrefix) || path.starts_with(kRecordPrefix);
  if (!known) return ErrorAnswer({ErrorCode::kNotFound, fmt::format("no path {}", path)});
  if (!get) return WrongMethod("GET");
  if (path == "/api/v1/spans") return Spans(request);
  if (path == "/api/records") return Records(request);
  if (path == "/api/overview") return Overview(request);
  if (path == "/api/metrics") return MetricPoints(request);
  if (path == "/api/ledger") return LedgerState();
  if (path == "/metrics") return OwnMetrics();
  if (path.starts_with(kTracePrefix)) return Trace(path.substr(kTracePrefix.size()));
  return Record(path.substr(kRecordPrefix.size()));
}

bool QueryApi::IsAllowed(const net::HttpHeaders& headers) const {
  if (options_.api_key.empty()) return true;
  auto token = net::BearerToken(headers);
  return token && net::EqualSecret(*token, options_.api_key);
}

void QueryApi::CountRead(std::string_view path) {
  if (options_.log == nullptr) return;
  const std::string_view what = path == "/api/records"            ? "records"
                                : path.starts_with(kRecordPrefix) ? "record"
                                : path == "/api/v1/spans"         ? "spans"
                                : path.starts_with(kTracePrefix)  ? "trace"
                                : path == "/api/sql"              ? "sql"
                                                                  : "";
  if (!what.empty()) options_.log->CountRead(options_.api_key.empty() ? "anonymous" : "api-key", what);
}

net::HttpResponse QueryApi::TakeRecord(const net::HttpRequest& request) {
  if (options_.log == nullptr)
    return ErrorAnswer({ErrorCode::kNotFound, "this store keeps no log of its own"});
  auto record = record::Decode(request.body);
  if (!record) return ErrorAnswer(record.error(), "body");
  // Only what a person or a job says about the log; what this host does itself it puts on record itself.
  if (!std::holds_alternative<record::Reconcile>(record->body) &&
      !std::holds_alternative<record::Review>(record->body))
    return ErrorAnswer({ErrorCode::kInvalidArgument, "type: want reconcile or review"}, "body");
  auto index = options_.log->Append(std::move(record->body));
  return index ? JsonAnswer(Json::MakeObject({{"index", *index}})) : ErrorAnswer(index.error());
}

void QueryApi::WaitVisible() {
  const SystemClock clock;
  const int64_t deadline_us = clock.MonoMicros() + std::chrono::microseconds(options_.visible_wait).count();
  // Those that answer come first, so that a ledger which is down does not use up their time.
  for (const bool troubled : {false, true}) {
    for (store::Mirror* mirror : mirrors_) {
      if (mirror->state().problem.empty() == troubled) continue;
      const auto left = std::chrono::microseconds(deadline_us - clock.MonoMicros());
      if (left.count() <= 0) return;
      // A ledger that cannot be asked is told by /api/ledger; the query answers with what is here.
      std::ignore = mirror->Refresh(std::chrono::duration_cast<std::chrono::milliseconds>(left));
    }
  }
}

store::Mirror* QueryApi::MirrorOf(const std::string& origin) const {
  for (store::Mirror* mirror : mirrors_) {
    if (mirror->state().origin == origin) return mirror;
  }
  return nullptr;
}

net::HttpResponse QueryApi::Sql(const net::HttpRequest& request) {
  auto parameters = Parameters::Read(request);
  if (!parameters) return ErrorAnswer(parameters.error());
  auto limit = parameters->Int("limit", kSqlRowsDefault, 1, kSqlRowsMax);
  if (!limit) return ErrorAnswer(limit.error(), "limit");
  if (!IsUtf8(request.body)) return ErrorAnswer({ErrorCode::kInvalidArgument, "the body is no UTF-8"}, "sql");
  WaitVisible();
  auto answer = store_.Sql(request.body, static_cast<size_t>(*limit));
  return answer ? JsonAnswer(*answer) : ErrorAnswer(answer.error(), "sql");
}

net::HttpResponse QueryApi::LedgerState() const {
  Json::Array mirrors, findings;
  std::vector<store::MirrorState> states;
  for (const store::Mirror* mirror : mirrors_) {
    states.push_back(mirror->state());
    const store::MirrorState& state = states.back();
    mirrors.push_back(Json::MakeObject({{"url", state.url},
                                        {"origin", state.origin},
                                        {"vkey", state.vkey},
                                        {"size", state.size},
                                        {"problem", state.problem},
                                        {"diverged", state.diverged},
                                        {"silent", state.silent},
                                        {"grew_unix_us", state.grew_unix_us},
                                        {"cosigned_unix_s", state.cosigned_unix_s},
                                        {"last_contact_unix_us", state.last_contact_unix_us}}));
  }
  const int64_t now_us =
      options_.clock == nullptr ? SystemClock().UnixMicros() : options_.clock->UnixMicros();
  for (const store::LedgerFinding& finding : options_.manifest != nullptr
                                                 ? options_.manifest->Findings(states, now_us)
                                                 : store::FindingsOf(nullptr, states, now_us))
    findings.push_back(Json::MakeObject(
        {{"kind", NameOf(finding.kind)}, {"origin", finding.origin}, {"text", finding.text}}));
  return JsonAnswer(Json::MakeObject({{"mirrors", std::move(mirrors)},
                                      {"cosigner_vkey", options_.cosigner_vkey},
                                      {"findings", std::move(findings)}}));
}

net::HttpResponse QueryApi::Health() const {
  auto health = store_.Health();
  if (!health) {
    net::HttpResponse out = ErrorAnswer(health.error());
    out.status = 503;
    return out;
  }
  std::string_view status = "ok";
  for (const store::Mirror* mirror : mirrors_) {
    if (!mirror->state().problem.empty()) status = "degraded";
  }
  return JsonAnswer(Json::MakeObject({{"status", status}}));
}

net::HttpResponse QueryApi::OwnMetrics() const {
  return net::MakeResponse(200, "text/plain; version=0.0.4; charset=utf-8",
                           options_.metrics == nullptr ? "" : options_.metrics->RenderPrometheus());
}

}  // namespace beleg::query
