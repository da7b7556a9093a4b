// Ids that cost nothing to store, because they follow from what a record says anyway.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "record/audit_record.h"

namespace beleg::record {

// First 16 bytes of SHA-256("beleg/v1/request-id" ‖ boot ‖ seq as 8 bytes big-endian ‖ trace id).
RequestId DeriveRequestId(const BootId& boot, uint64_t seq, const TraceId& trace_id);

// The request that a record is of (Request, Refused, Lost); nullopt for other records.
std::optional<RequestId> RequestIdOf(const AuditRecord& record);

// "chatcmpl-" or "cmpl-", then 32 hex digits: the id in OpenAI answers.
std::string FormatRequestId(Operation operation, const RequestId& id);

// With or without the prefix. kInvalidArgument else.
Result<RequestId> ParseRequestId(std::string_view text);

// Spans of one request: role is "server", "queue", "prefill" or "decode". First 8 bytes of
// SHA-256("beleg/v1/span-id" ‖ request id ‖ role).
SpanId DeriveSpanId(const RequestId& id, std::string_view role);

}  // namespace beleg::record
