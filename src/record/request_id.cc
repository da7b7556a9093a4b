#include "record/request_id.h"

#include <algorithm>

#include "wire/sha256.h"

namespace beleg::record {
namespace {

constexpr std::string_view kChatPrefix = "chatcmpl-", kTextPrefix = "cmpl-";

}  // namespace

RequestId DeriveRequestId(const BootId& boot, uint64_t seq, const TraceId& trace_id) {
  std::string bytes = "beleg/v1/request-id";
  bytes += boot.view();
  PutBig64(bytes, seq);
  bytes += trace_id.view();
  Hash32 hash = wire::Sha256(bytes);
  RequestId id;
  std::copy_n(hash.begin(), id.bytes.size(), id.bytes.begin());
  return id;
}

std::optional<RequestId> RequestIdOf(const AuditRecord& record) {
  const RequestIdentity* id = IdentityOf(record);
  if (id == nullptr) return std::nullopt;
  return DeriveRequestId(BootOfRequest(record), id->seq, id->trace_id);
}

std::string FormatRequestId(Operation operation, const RequestId& id) {
  return std::string(operation == Operation::kChat ? kChatPrefix : kTextPrefix) + id.Hex();
}

Result<RequestId> ParseRequestId(std::string_view text) {
  std::string_view hex = text;
  if (hex.starts_with(kChatPrefix)) {
    hex.remove_prefix(kChatPrefix.size());
  } else if (hex.starts_with(kTextPrefix)) {
    hex.remove_prefix(kTextPrefix.size());
  }
  auto id = RequestId::FromHex(hex);
  if (!id) return Fail(std::move(id.error()), "request id");
  return id;
}

SpanId DeriveSpanId(const RequestId& id, std::string_view role) {
  std::string bytes = "beleg/v1/span-id";
  bytes += id.view();
  bytes += role;
  Hash32 hash = wire::Sha256(bytes);
  SpanId span;
  std::copy_n(hash.begin(), span.bytes.size(), span.bytes.begin());
  return span;
}

}  // namespace beleg::record
