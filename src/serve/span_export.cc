#include "serve/span_export.h"

#include <algorithm>
#include <iterator>

#include "wire/sha256.h"

namespace beleg::serve {
namespace {

constexpr size_t kBatchLeavesMax = 512;
constexpr size_t kBatchBytesMax = 512 << 10;
constexpr size_t kContextsMax = 1024;

}  // namespace

Result<std::unique_ptr<SpanExport>> SpanExport::Open(Options options, Read read) {
  TRY_ASSIGN(auto cursor, ledger::Cursor::Open(*options.fs, options.ledger_dir, "otlp"));
  return std::unique_ptr<SpanExport>(new SpanExport(std::move(options), std::move(read), std::move(cursor)));
}

Result<std::string_view> SpanExport::NextRequest() {
  TRY(MoveCursor());  // if it could not be made durable before
  while (request_.empty()) {
    if (pieces_.empty()) TRY(ReadLeaves());
    if (pieces_.empty()) return std::string_view();
    TRY_ASSIGN(request_, Encode(std::span(leaves_).subspan(dealt_with_, leaf_count())));
    if (request_.empty()) TRY(DealtWith());
  }
  return std::string_view(request_);
}

Result<void> SpanExport::Answered(Answer answer) {
  if (answer == Answer::kRetry) return {};
  if (answer == Answer::kWrong && leaf_count() > 1) {
    pieces_.push_back(dealt_with_ + leaf_count() / 2);
    request_.clear();
    return {};
  }
  return DealtWith();
}

Result<void> SpanExport::ReadLeaves() {
  TRY_ASSIGN(leaves_, read_(cursor_->next(), kBatchLeavesMax, kBatchBytesMax));
  dealt_with_ = 0;
  if (!leaves_.empty()) pieces_.push_back(leaves_.size());
  return {};
}

Result<void> SpanExport::DealtWith() {
  dealt_with_ = pieces_.back();
  pieces_.pop_back();
  request_.clear();
  return MoveCursor();
}

Result<void> SpanExport::MoveCursor() {
  if (dealt_with_ == 0) return {};
  TRY(cursor_->Advance(leaves_[dealt_with_ - 1].index + 1));
  next_ = cursor_->next();
  return {};
}

// The leaves' spans as one request; "" when they have none.
Result<std::string> SpanExport::Encode(std::span<const ledger::Leaf> leaves) {
  if (contexts_.size() > kContextsMax) contexts_.clear();  // not later: pointers into it are held below
  std::vector<wire::otlp::ScopeSpans> scopes;
  uint64_t boot_of_last = UINT64_MAX;
  for (const ledger::Leaf& leaf : leaves) {
    Result<record::AuditRecord> record = record::Decode(leaf.bytes);
    if (!record && record.error().code == ErrorCode::kUnimplemented)
      continue;  // a newer version's type: no spans known
    if (!record) return Fail(std::move(record.error()), "leaf {}", leaf.index);
    const record::RequestIdentity* id = record::IdentityOf(*record);
    if (id == nullptr) continue;
    record::SpanContext context;
    context.origin = options_.origin;
    context.boot_id = record::BootOfRequest(*record);
    context.semconv = options_.semconv;
    TRY_ASSIGN(const record::AuditRecord* boot, Context(id->boot_index));
    context.boot = std::get_if<record::Boot>(&boot->body);
    if (const auto* request = std::get_if<record::Request>(&record->body)) {
      TRY_ASSIGN(const record::AuditRecord* model, Context(request->model_index));
      context.model = std::get_if<record::Model>(&model->body);
    }
    if (scopes.empty() || boot_of_last != id->boot_index) {
      scopes.push_back({record::ResourceOf(context), std::string(record::kScopeName), "", {}, {}});
      boot_of_last = id->boot_index;
    }
    std::vector<wire::otlp::Span> spans =
        record::SpansOf(context, *record, leaf.index, wire::MerkleLeafHash(leaf.bytes));
    std::ranges::move(spans, std::back_inserter(scopes.back().spans));
  }
  return scopes.empty() ? std::string() : wire::otlp::EncodeTraces(scopes);
}

Result<const record::AuditRecord*> SpanExport::Context(uint64_t index) {
  if (auto known = contexts_.find(index); known != contexts_.end()) return &known->second;
  TRY_ASSIGN(std::vector<ledger::Leaf> leaf, read_(index, 1, SIZE_MAX));
  if (leaf.empty()) return Fail(ErrorCode::kNotFound, "leaf {} is not in the log", index);
  TRY_ASSIGN(record::AuditRecord record, record::Decode(leaf[0].bytes));
  return &contexts_.emplace(index, std::move(record)).first->second;
}

}  // namespace beleg::serve
