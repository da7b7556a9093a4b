// SpanExport: what an exporter does, without its thread, its socket and its clock: which request comes next, and what the
// peer's answer to it means. SpanExporter runs it for real, sim/ on a simulated disk and network.
//
// Shape:   NextRequest, send it, Answered; again and again. Leaves without spans are passed over.
// Order:   leaves in order. The cursor moves after the peer took a request, durably, before the next one is given: what was taken
//          before the cursor was durable may be sent again after a crash, the rest never.
// Errors:  of the log, the cursor's file, or a record that cannot be read: call again later, nothing is skipped. A request that the
//          peer calls wrong is halved until the one record is found that it will not take; that one is left.
// Threads: one, but next() from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ledger/cursor.h"
#include "ledger/ledger.h"
#include "record/otel_mapping.h"

namespace beleg::serve {

class SpanExport {
 public:
  // Durable leaves [first, first + count_max), cut at bytes_max (at least one); none at the log's end.
  using Read =
      std::function<Result<std::vector<ledger::Leaf>>(uint64_t first, size_t count_max, size_t bytes_max)>;
  struct Options {
    io::FileSystem* fs = nullptr;
    std::string ledger_dir;
    std::string origin;  // of the log
    record::Semconv semconv = record::Semconv::kDup;
  };
  static Result<std::unique_ptr<SpanExport>> Open(Options options, Read read);

  // The first leaf that is not dealt with.
  uint64_t next() const { return next_; }
  // An OTLP request with the spans of the leaves that follow, the same until it is answered; "" when all leaves are dealt with.
  Result<std::string_view> NextRequest();
  // How many leaves the request is of.
  size_t leaf_count() const { return pieces_.empty() ? 0 : pieces_.back() - dealt_with_; }

  enum class Answer {
    kTaken,
    kRetry,  // no answer, or one that says "later"
    kWrong,  // the peer will never take it
  };
  Result<void> Answered(Answer answer);

 private:
  SpanExport(Options options, Read read, std::unique_ptr<ledger::Cursor> cursor)
      : options_(std::move(options)),
        read_(std::move(read)),
        cursor_(std::move(cursor)),
        next_(cursor_->next()) {}
  Result<void> ReadLeaves();
  // Moves on behind the current piece.
  Result<void> DealtWith();
  Result<void> MoveCursor();
  Result<std::string> Encode(std::span<const ledger::Leaf> leaves);
  // A boot or model record by its place, remembered.
  Result<const record::AuditRecord*> Context(uint64_t index);

  const Options options_;
  const Read read_;
  const std::unique_ptr<ledger::Cursor> cursor_;
  std::atomic<uint64_t> next_;
  std::vector<ledger::Leaf> leaves_;
  size_t dealt_with_ = 0;  // of leaves_
  std::vector<size_t>
      pieces_;  // where the current piece of leaves_ ends, last; before it the ends of those that follow
  std::string request_;  // of the current piece; "": not made yet
  std::unordered_map<uint64_t, record::AuditRecord> contexts_;
};

}  // namespace beleg::serve
