#include "store/own_log.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "record/otel_mapping.h"
#include "record/request_id.h"
#include "wire/sha256.h"

namespace beleg::store {
namespace {

uint32_t MarkOf(const RequestId& id) { return std::max(1u, GetLittle32(id.view().data())); }

}  // namespace

OwnLog::Leaf OwnLog::Read(uint64_t index, std::string_view bytes) {
  Leaf leaf;
  leaf.index = index;
  leaf.hash = wire::MerkleLeafHash(bytes);
  auto record = record::Decode(bytes);
  if (!record) {
    LOG_WARN("store.unreadable_record", F("origin", origin_), F("index", index),
             F("error", record.error().message));
    return leaf;
  }
  Remember(index, *record);
  if (record::IdentityOf(*record) != nullptr) leaf.derived = Derive(*record, index, leaf.hash);
  leaf.record = *std::move(record);
  return leaf;
}

void OwnLog::Remember(uint64_t index, const record::AuditRecord& record) {
  if (const auto* boot = std::get_if<record::Boot>(&record.body)) boots_[index] = *boot;
  if (const auto* model = std::get_if<record::Model>(&record.body)) models_[index] = *model;
  const record::RequestIdentity* id = record::IdentityOf(record);
  if (id == nullptr) return;
  if (marks_.size() <= index) marks_.resize(index + 1);
  marks_[index] = MarkOf(record::DeriveRequestId(record::BootOfRequest(record), id->seq, id->trace_id));
}

std::vector<uint64_t> OwnLog::MayRecord(const RequestId& id) const {
  std::vector<uint64_t> out;
  const uint32_t mark = MarkOf(id);
  for (auto at = marks_.begin(); (at = std::find(at, marks_.end(), mark)) != marks_.end(); ++at) {
    out.push_back(static_cast<uint64_t>(at - marks_.begin()));
  }
  return out;
}

wire::otlp::ScopeSpans OwnLog::Derive(const record::AuditRecord& record, uint64_t index,
                                      const Hash32& hash) const {
  record::SpanContext context;
  context.origin = origin_;
  context.boot_id = record::BootOfRequest(record);
  if (auto boot = boots_.find(record::IdentityOf(record)->boot_index); boot != boots_.end())
    context.boot = &boot->second;
  if (const auto* request = std::get_if<record::Request>(&record.body)) {
    if (auto model = models_.find(request->model_index); model != models_.end())
      context.model = &model->second;
  }
  wire::otlp::ScopeSpans out;
  out.resource = record::ResourceOf(context);
  out.scope_name = record::kScopeName;
  out.spans = record::SpansOf(context, record, index, hash);
  return out;
}

}  // namespace beleg::store
