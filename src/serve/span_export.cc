#include "serve/span_export.h"

#include "record/span_batch.h"

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
  if (contexts_.size() > kContextsMax) contexts_.clear();  // not later: pointers into it are held meanwhile
  record::SpanBatch batch(options_.origin, options_.semconv,
                          [this](uint64_t index) { return Context(index); });
  for (const ledger::Leaf& leaf : leaves) TRY(batch.Add(leaf.index, leaf.bytes));
  return batch.Take();
}

Result<const record::AuditRecord*> SpanExport::Context(uint64_t index) {
  if (auto known = contexts_.find(index); known != contexts_.end()) return &known->second;
  TRY_ASSIGN(std::vector<ledger::Leaf> leaf, read_(index, 1, SIZE_MAX));
  if (leaf.empty()) return Fail(ErrorCode::kNotFound, "leaf {} is not in the log", index);
  TRY_ASSIGN(record::AuditRecord record, record::Decode(leaf[0].bytes));
  return &contexts_.emplace(index, std::move(record)).first->second;
}

}  // namespace beleg::serve
