// /api/records and /api/records/ID: the evidence itself, from this host's own copy.
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

}  // namespace

net::HttpResponse QueryApi::Record(std::string_view request_id) {
  auto id = record::ParseRequestId(request_id);
  if (!id) return ErrorAnswer(id.error(), "request_id");
  auto place = store_.FindRecord(id->Hex());
  if (!place && place.error().code == ErrorCode::kNotFound) {
    WaitVisible();
    place = store_.FindRecord(id->Hex());
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
  WaitVisible();
  auto places = store_.RecentRecords(static_cast<size_t>(*limit));
  if (!places) return ErrorAnswer(places.error());
  Json::Array out;
  for (const store::Store::RecordPlace& place : *places) {
    store::Mirror* mirror = MirrorOf(place.origin);
    if (mirror == nullptr) continue;
    auto entry = mirror->Entry(place.index);
    if (!entry) return ErrorAnswer(entry.error());
    auto record = record::Decode(*entry);
    auto json = Json::Parse(*entry);
    if (!record || !json)
      return ErrorAnswer({ErrorCode::kDataLoss, fmt::format("leaf {} is no record", place.index)});
    const record::RequestIdentity* id = record::IdentityOf(*record);
    if (id == nullptr) continue;
    const RequestId request_id =
        record::DeriveRequestId(record::BootOfRequest(*record), id->seq, id->trace_id);
    out.push_back(Json::MakeObject({{"request_id", record::FormatRequestId(id->operation, request_id)},
                                    {"origin", place.origin},
                                    {"index", place.index},
                                    {"record", *std::move(json)}}));
  }
  return JsonAnswer(Json::MakeObject({{"records", std::move(out)}}));
}

}  // namespace beleg::query
