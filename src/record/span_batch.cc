#include "record/span_batch.h"

#include <algorithm>
#include <iterator>

#include "wire/sha256.h"

namespace beleg::record {

Result<void> SpanBatch::Add(uint64_t index, std::string_view leaf) {
  Result<AuditRecord> record = Decode(leaf);
  if (!record && record.error().code == ErrorCode::kUnimplemented) return {};
  if (!record) return Fail(std::move(record.error()), "leaf {}", index);
  const RequestIdentity* id = IdentityOf(*record);
  return id == nullptr ? Result<void>() : AddSpans(index, leaf, *record, *id);
}

Result<void> SpanBatch::AddSpans(uint64_t index, std::string_view leaf, const AuditRecord& record,
                                 const RequestIdentity& id) {
  SpanContext context;
  context.origin = origin_;
  context.boot_id = BootOfRequest(record);
  context.semconv = semconv_;
  if (const auto* request = std::get_if<Request>(&record.body)) {
    TRY_ASSIGN(const AuditRecord* model, lookup_(request->model_index));
    context.model = std::get_if<Model>(&model->body);
  }
  TRY_ASSIGN(const AuditRecord* boot, lookup_(id.boot_index));
  context.boot = std::get_if<Boot>(&boot->body);
  if (scopes_.empty() || boot_of_last_ != id.boot_index) {
    scopes_.push_back({ResourceOf(context), std::string(kScopeName), "", {}, {}});
    boot_of_last_ = id.boot_index;
  }
  std::vector<wire::otlp::Span> spans = SpansOf(context, record, index, wire::MerkleLeafHash(leaf));
  std::ranges::move(spans, std::back_inserter(scopes_.back().spans));
  return {};
}

std::string SpanBatch::Take() {
  const std::vector<wire::otlp::ScopeSpans> scopes = std::exchange(scopes_, {});
  return scopes.empty() ? std::string() : wire::otlp::EncodeTraces(scopes);
}

}  // namespace beleg::record
