// A record as OpenTelemetry spans: a pure function of boot, model, record and leaf. Spans are a view; the leaf is the evidence.
//
// Shape: Request gives "chat {model}" SERVER with children "queue", "prefill", "decode" INTERNAL for the phases reached; Refused
//        and Lost give the SERVER span alone, with status error. Other records give none. Attribute names: docs/formats/record.md,
//        "Spans" (GenAI semantic conventions, vLLM's names and the tutorial's five names side by side).
// Cost:  about 10 µs and 60 small allocations a request.
#pragma once

#include <string>
#include <vector>

#include "record/audit_record.h"
#include "wire/otlp.h"

namespace beleg::record {

// Both name sets; GenAI's alone; vLLM's and the tutorial's alone. What no set names otherwise is in all three.
enum class Semconv { kDup, kLatest, kLegacy };

struct SpanContext {
  std::string origin;  // of the log
  BootId boot_id;      // of the request's boot (BootOfRequest); zeros: unknown
  const Boot* boot =
      nullptr;  // that boot's record; null: unknown, and service.name is "unknown_service:beleg"
  const Model* model = nullptr;  // the request's model; null: unknown, and its hash is left out
  Semconv semconv = Semconv::kDup;
};

// Resource attributes of a boot's spans.
wire::otlp::Attributes ResourceOf(const SpanContext& context);

// The record's spans, server span first.
std::vector<wire::otlp::Span> SpansOf(const SpanContext& context, const AuditRecord& record,
                                      uint64_t leaf_index, const Hash32& leaf_hash);

inline constexpr std::string_view kScopeName = "beleg";

}  // namespace beleg::record
