// SpanBatch: the spans of many records as one OTLP request. The exporter and `audit reconcile` make theirs here, so the same leaf gives
// the same spans whoever sends them.
//
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "record/otel_mapping.h"

namespace beleg::record {

class SpanBatch {
 public:
  // The Boot or Model record at an index of the log. Borrowed: it stays while Add runs, whatever else is looked up.
  using Lookup = std::function<Result<const AuditRecord*>(uint64_t index)>;

  SpanBatch(std::string origin, Semconv semconv, Lookup lookup)
      : origin_(std::move(origin)), semconv_(semconv), lookup_(std::move(lookup)) {}

  // A leaf without spans adds none, nor does one of a newer version. Errors: of Decode and of the lookup; nothing is added then.
  Result<void> Add(uint64_t index, std::string_view leaf);

  // An ExportTraceServiceRequest of all that was added since the last call; "" when there is no span.
  std::string Take();

 private:
  Result<void> AddSpans(uint64_t index, std::string_view leaf, const AuditRecord& record,
                        const RequestIdentity& id);

  const std::string origin_;
  const Semconv semconv_;
  const Lookup lookup_;
  std::vector<wire::otlp::ScopeSpans> scopes_;
  uint64_t boot_of_last_ = UINT64_MAX;
};

}  // namespace beleg::record
