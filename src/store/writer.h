// Writer: brings received spans and mirrored leaves together into the tables, one transaction a call.
//
// Merge:   an OTLP copy of an own span (it names origin and leaf) never makes a second row when it says nothing else than the record:
//          its resource becomes the row's (with what the record's own resource has beyond it), whichever of the two came first. A copy
//          that says something else, or names a leaf that has no such span, stays a row of its own, unverified.
// Once:    a span received again with the same bytes (resource, scope, span) makes no second row (seen_lately.h says how long).
// Threads: any; one at a time is in the tables.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "store/own_log.h"
#include "store/seen_lately.h"
#include "store/store.h"
#include "store/tables.h"

namespace beleg::store {

class Writer {
 public:
  explicit Writer(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}

  // Visible on return, or nothing of it is.
  Result<void> AddReceived(const PreparedBatch& batch);
  // The leaves behind next_leaf; kFailedPrecondition when some are left out.
  Result<void> AddLeaves(const std::string& origin, const std::vector<Store::MirroredLeaf>& leaves);
  uint64_t NextLeaf(const std::string& origin) const;
  // By log and leaf; some may be of other requests (OwnLog::MayRecord).
  std::vector<Store::RecordPlace> MayRecord(const RequestId& id) const;

 private:
  // What stands in the row of an own span.
  struct OwnRow {
    wire::otlp::Span span;
    int64_t resource_id = 0;
  };
  using OwnRows = std::map<std::pair<uint64_t, SpanId>, OwnRow>;  // by leaf and span
  // Leaves of one log whose rows get another resource: (id in the row, resource of the batch) → leaves.
  using Overlays = std::map<std::pair<int64_t, size_t>, std::vector<uint64_t>>;

  bool IsMirrored(const LeafClaim& claim) const REQUIRES(mutex_);
  Result<std::map<std::string, OwnRows>> FindOwnRows(const PreparedBatch& batch) REQUIRES(mutex_);
  static Result<const OwnRow*> FindEqual(const OwnRows& rows, const PreparedBatch& batch,
                                         const PreparedSpan& span);
  Result<void> SetResources(Tables::Transaction& transaction, const std::string& origin,
                            const Overlays& overlays, const PreparedBatch& batch) REQUIRES(mutex_);
  Result<void> TakeClaims(Tables::Transaction& transaction, const std::string& origin,
                          std::vector<OwnLog::Leaf>& leaves) REQUIRES(mutex_);
  static Result<void> AddAll(Tables::Transaction& transaction,
                             const std::vector<wire::otlp::ScopeSpans>& scopes, bool verified);
  Result<void> CompactClaims() REQUIRES(mutex_);

  static constexpr size_t kSeenSpans = 512 << 10;  // 32 MB at most

  mutable Mutex mutex_;
  const std::unique_ptr<Tables> tables_;
  SeenLately seen_ GUARDED_BY(mutex_){kSeenSpans};
  std::map<std::string, OwnLog> logs_ GUARDED_BY(mutex_);
  size_t claims_taken_ GUARDED_BY(mutex_) = 0;  // since claimed_rows was last compacted
};

}  // namespace beleg::store
