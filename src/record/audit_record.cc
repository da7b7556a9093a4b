#include "record/audit_record.h"

#include <algorithm>

#include "base/check.h"
#include "record/host_schema.h"
#include "record/member_reader.h"
#include "record/member_writer.h"
#include "record/names.h"
#include "wire/jcs.h"

namespace beleg::record {
namespace {

std::string Write(const AuditRecord& record) {
  constexpr size_t kUsualBytes = 720;
  std::string out;
  out.reserve(kUsualBytes);
  MemberWriter members(out, TypeName(record.body));
  std::visit([&](const auto& body) { Members(members, record, body); }, record.body);
  members.End();
  return out;
}

template <size_t I = 0>
bool StartBody(std::string_view type, Body& body) {
  if constexpr (I < std::variant_size_v<Body>) {
    if (type != kNames<Body>[I]) return StartBody<I + 1>(type, body);
    body.emplace<I>();
    return true;
  }
  return false;
}

Result<void> CheckVersion(std::optional<std::string_view> text) {
  if (!text) return Fail(ErrorCode::kInvalidArgument, "v: missing");
  auto version = ParseUint64(*text);
  if (!version || *version == 0) return Fail(ErrorCode::kInvalidArgument, "v: want a whole number from 1");
  if (*version > kSchemaVersion)
    return Fail(ErrorCode::kUnimplemented, "v: schema version {}, this program reads up to {}", *version,
                kSchemaVersion);
  return {};
}

Result<AuditRecord> Read(std::string_view bytes) {
  MemberReader members(bytes);
  if (!bytes.starts_with('{')) return Fail(ErrorCode::kInvalidArgument, "want an object");
  TRY(CheckVersion(members.Find("v")));
  auto type = members.Find("type");
  if (!type) return Fail(ErrorCode::kInvalidArgument, "type: missing");
  if (type->size() < 2 || !type->starts_with('"'))
    return Fail(ErrorCode::kInvalidArgument, "type: want a string");
  AuditRecord record;
  if (!StartBody(type->substr(1, type->size() - 2), record.body))
    return Fail(ErrorCode::kUnimplemented, "type: unknown type {}", type->substr(0, 64));
  std::visit([&](auto& body) { Members(members, record, body); }, record.body);
  TRY(members.Finish());
  return record;
}

// Why bytes are refused that Read refused with an error, or read as something that is written otherwise.
Error Diagnose(std::string_view bytes, const Result<AuditRecord>& read) {
  auto json = wire::ParseCanonical(bytes);
  if (!json) return {ErrorCode::kDataLoss, std::move(json.error().message)};
  if (!read) return read.error();
  return {ErrorCode::kInvalidArgument, "not as this version writes it"};
}

}  // namespace

std::string Encode(const AuditRecord& record) {
  std::string bytes = Write(record);
  CHECK(bytes.size() <= kRecordBytesMax, "a record is larger than kRecordBytesMax");
  return bytes;
}

Result<AuditRecord> Decode(std::string_view bytes) {
  if (bytes.size() > kRecordBytesMax)
    return Fail(ErrorCode::kInvalidArgument, "record of {} bytes, at most {}", bytes.size(), kRecordBytesMax);
  auto record = Read(bytes);
  if (record && Write(*record) == bytes) return record;
  return std::unexpected(Diagnose(bytes, record));
}

const RequestIdentity* IdentityOf(const AuditRecord& record) {
  if (const auto* request = std::get_if<Request>(&record.body)) return &request->id;
  if (const auto* refused = std::get_if<Refused>(&record.body)) return &refused->id;
  if (const auto* lost = std::get_if<Lost>(&record.body)) return &lost->id;
  return nullptr;
}

BootId BootOfRequest(const AuditRecord& record) {
  const auto* lost = std::get_if<Lost>(&record.body);
  return lost != nullptr ? lost->begun_boot : record.boot;
}

std::string_view TypeName(const Body& body) { return kNames<Body>[body.index()]; }
std::string_view Name(Operation operation) { return kNames<Operation>[static_cast<size_t>(operation)]; }
std::string_view Name(Outcome outcome) { return kNames<Outcome>[static_cast<size_t>(outcome)]; }
std::string_view Name(ErrorType type) { return kNames<ErrorType>[static_cast<size_t>(type)]; }

}  // namespace beleg::record
