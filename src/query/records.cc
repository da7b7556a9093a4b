// /api/records and /api/records/ID: the evidence itself, from this host's own copy.
#include <algorithm>
#include <array>

#include <fmt/ranges.h>

#include "base/bytes.h"
#include "query/answers.h"
#include "query/query_api.h"
#include "record/audit_record.h"
#include "record/request_id.h"
#include "wire/sha256.h"

namespace beleg::query {
namespace {

using wire::Json;

constexpr int64_t kRecordsDefault = 50;
constexpr int64_t kRecordsMax = 1'000;
constexpr std::array<std::string_view, 5> kOutcomes = {"ok", "failed", "cancelled", "refused", "lost"};

Result<std::string> OutcomeClause(std::string_view outcome) {
  if (outcome.empty()) return "";
  if (std::ranges::find(kOutcomes, outcome) == kOutcomes.end()) {
    return Fail(ErrorCode::kInvalidArgument, "outcome: '{}' is none of {}", outcome,
                fmt::join(kOutcomes, ", "));
  }
  return fmt::format(" AND outcome = '{}'", outcome);
}

// `before` is the "next" of an earlier answer: TIME.INDEX.ORIGIN of its last record.
Result<std::string> BeforeClause(std::string_view before) {
  if (before.empty()) return "";
  const size_t first = before.find('.'), second = before.find('.', first + 1);
  const auto wrong = [&] {
    return Fail(ErrorCode::kInvalidArgument, "before: '{}' is no 'next' of an answer", before);
  };
  if (first == before.npos || second == before.npos) return wrong();
  auto time_us = ParseInt64(before.substr(0, first));
  auto index = ParseInt64(before.substr(first + 1, second - first - 1));
  if (!time_us || !index || !IsUtf8(before)) return wrong();
  std::string origin;
  for (const char c : before.substr(second + 1)) origin.append(c == '\'' ? 2 : 1, c);
  return fmt::format(" AND (time_us, leaf_index, origin) < ({}, {}, '{}')", *time_us, *index, origin);
}

}  // namespace

net::HttpResponse QueryApi::Record(std::string_view request_id) {
  auto id = record::ParseRequestId(request_id);
  if (!id) return ErrorAnswer(id.error(), "request_id");
  auto place = store_.FindRecord(*id);
  if (!place && place.error().code == ErrorCode::kNotFound) {
    WaitVisible();
    place = store_.FindRecord(*id);
  }
  if (!place) return ErrorAnswer(place.error());
  auto record = FullRecord(*place);
  return record ? JsonAnswer(*record) : ErrorAnswer(record.error());
}

Result<Json> QueryApi::FullRecord(const store::Store::RecordPlace& place) const {
  store::Mirror* mirror = MirrorOf(place.origin);
  if (mirror == nullptr) return Fail(ErrorCode::kUnavailable, "no mirror of {} is configured", place.origin);
  TRY_ASSIGN(std::string entry, mirror->Entry(place.index));
  TRY_ASSIGN(Json record, Json::Parse(entry));
  TRY_ASSIGN(std::string proof, mirror->Proof(place.index));
  return Json::MakeObject({{"record", std::move(record)},
                           {"origin", place.origin},
                           {"index", place.index},
                           {"leaf_hash", HexEncode(AsView(wire::MerkleLeafHash(entry)))},
                           {"entry_base64", Base64Encode(entry)},
                           {"proof", std::move(proof)},
                           {"vkey", mirror->state().vkey}});
}

net::HttpResponse QueryApi::Records(const net::HttpRequest& request) {
  auto parameters = Parameters::Read(request);
  if (!parameters) return ErrorAnswer(parameters.error());
  auto limit = parameters->Int("limit", kRecordsDefault, 1, kRecordsMax);
  if (!limit) return ErrorAnswer(limit.error(), "limit");
  auto outcome = OutcomeClause(parameters->Text("outcome"));
  if (!outcome) return ErrorAnswer(outcome.error(), "outcome");
  auto before = BeforeClause(parameters->Text("before"));
  if (!before) return ErrorAnswer(before.error(), "before");
  WaitVisible();
  auto table = store_.Sql(
      fmt::format(
          "SELECT origin, leaf_index, request_id, operation, time_us FROM records "
          "WHERE request_id IS NOT NULL{}{} ORDER BY time_us DESC, leaf_index DESC, origin DESC LIMIT {}",
          *outcome, *before, *limit + 1),
      static_cast<size_t>(*limit));
  if (!table) return ErrorAnswer(table.error());
  Json::Array out;
  std::string next;
  for (const Json& row : table->Find("rows")->as_array()) {
    const Json::Array& cells = row.as_array();
    out.push_back(ListedRecord(cells[0].as_string(), static_cast<uint64_t>(cells[1].as_int()),
                               cells[2].as_string(), cells[3].as_string()));
    next = fmt::format("{}.{}.{}", cells[4].as_int(), cells[1].as_int(), cells[0].as_string());
  }
  Json answer = Json::MakeObject({{"records", std::move(out)}});
  if (table->Find("truncated") != nullptr) answer.Set("next", next);
  return JsonAnswer(answer);
}

// A leaf that cannot be read is listed with the reason: it must not hide the others.
Json QueryApi::ListedRecord(const std::string& origin, uint64_t index, std::string_view request_id,
                            std::string_view operation) const {
  const std::string_view prefix = operation == "chat" ? "chatcmpl-" : "cmpl-";
  Json out = Json::MakeObject(
      {{"request_id", fmt::format("{}{}", prefix, request_id)}, {"origin", origin}, {"index", index}});
  auto record = [&]() -> Result<Json> {
    store::Mirror* mirror = MirrorOf(origin);
    if (mirror == nullptr) return Fail(ErrorCode::kUnavailable, "no mirror of {} is configured", origin);
    TRY_ASSIGN(std::string entry, mirror->Entry(index));
    TRY(record::Decode(entry));
    return Json::Parse(entry);
  }();
  if (record) {
    out.Set("record", *std::move(record));
  } else {
    out.Set("problem", record.error().message);
  }
  return out;
}

}  // namespace beleg::query
