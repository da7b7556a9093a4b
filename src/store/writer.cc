#include "store/writer.h"

#include <algorithm>
#include <set>

namespace beleg::store {
namespace {

namespace otlp = wire::otlp;

constexpr size_t kClaimsTakenMax = 4096;

std::string Listed(const std::vector<uint64_t>& leaves) { return fmt::format("{}", fmt::join(leaves, ",")); }

// What the copy's resource says, and what the record's says beyond it.
otlp::Attributes Overlaid(otlp::Attributes copy, const otlp::Attributes& derived) {
  for (const otlp::KeyValue& attribute : derived) {
    if (FindAttribute(copy, attribute.key) == nullptr) copy.push_back(attribute);
  }
  return copy;
}

Result<otlp::Attributes> ResourceById(duckdb::Connection& connection, int64_t id) {
  TRY_ASSIGN(duckdb::Rows rows,
             connection.Query("SELECT resource FROM resources WHERE resource_id = $1", {id}));
  if (!rows.Next()) return Fail(ErrorCode::kInternal, "resource {} has no row", id);
  return ReadResource(rows.Bytes(0));
}

}  // namespace

Result<void> Writer::AddReceived(const PreparedBatch& batch) {
  MutexLock lock(mutex_);
  TRY_ASSIGN(auto transaction, tables_->Begin());
  TRY_ASSIGN(auto own, FindOwnRows(batch));
  std::map<std::string, Overlays> overlays;
  FingerprintSet added;
  for (const PreparedSpan& span : batch.spans) {
    if (seen_.Contains(span.fingerprint) || !added.Insert(span.fingerprint)) continue;
    const bool mirrored = span.claim && IsMirrored(*span.claim);
    if (mirrored) {
      TRY_ASSIGN(const OwnRow* row, FindEqual(own[span.claim->origin], batch, span));
      if (row != nullptr) {
        overlays[span.claim->origin][{row->resource_id, span.resource}].push_back(span.claim->index);
        continue;
      }
    }
    const SpanTable table = span.claim && !mirrored ? SpanTable::kClaimed : SpanTable::kSpans;
    TRY(transaction->AddSpan(table, batch, span, false));
  }
  for (const auto& [origin, changes] : overlays) TRY(SetResources(*transaction, origin, changes, batch));
  TRY(transaction->Commit());
  for (const PreparedSpan& span : batch.spans) seen_.Add(span.fingerprint);
  return {};
}

Result<void> Writer::AddLeaves(const std::string& origin, const std::vector<Store::MirroredLeaf>& leaves) {
  MutexLock lock(mutex_);
  OwnLog& log = logs_.try_emplace(origin, origin).first->second;
  std::vector<OwnLog::Leaf> read;
  for (const Store::MirroredLeaf& leaf : leaves) {
    const uint64_t want = log.next_leaf() + read.size();
    if (leaf.index < want) continue;
    if (leaf.index > want) {
      return Fail(ErrorCode::kFailedPrecondition, "{}: leaf {} comes before leaf {}", origin, leaf.index,
                  want);
    }
    read.push_back(log.Read(leaf.index, leaf.bytes));
  }
  if (read.empty()) return {};
  TRY_ASSIGN(auto transaction, tables_->Begin());
  TRY(TakeClaims(*transaction, origin, read));
  std::vector<otlp::ScopeSpans> derived;
  for (OwnLog::Leaf& leaf : read) {
    TRY(transaction->AddRecord({origin, leaf.index, leaf.hash, leaf.record ? &*leaf.record : nullptr}));
    if (!leaf.derived.spans.empty()) derived.push_back(std::move(leaf.derived));
  }
  TRY(AddAll(*transaction, derived, true));
  TRY(transaction->Commit());
  log.set_next_leaf(read.back().index + 1);
  return claims_taken_ < kClaimsTakenMax ? Result<void>() : CompactClaims();
}

uint64_t Writer::NextLeaf(const std::string& origin) const {
  MutexLock lock(mutex_);
  auto log = logs_.find(origin);
  return log == logs_.end() ? 0 : log->second.next_leaf();
}

std::vector<Store::RecordPlace> Writer::MayRecord(const RequestId& id) const {
  MutexLock lock(mutex_);
  std::vector<Store::RecordPlace> out;
  for (const auto& [origin, log] : logs_) {
    for (uint64_t leaf : log.MayRecord(id)) out.push_back({origin, leaf});
  }
  return out;
}

bool Writer::IsMirrored(const LeafClaim& claim) const {
  auto log = logs_.find(claim.origin);
  return log != logs_.end() && claim.index < log->second.next_leaf();
}

// The rows of the own spans that the batch has copies of, by origin.
Result<std::map<std::string, Writer::OwnRows>> Writer::FindOwnRows(const PreparedBatch& batch) {
  std::map<std::string, std::set<uint64_t>> wanted;
  for (const PreparedSpan& span : batch.spans) {
    if (span.claim && IsMirrored(*span.claim)) wanted[span.claim->origin].insert(span.claim->index);
  }
  std::map<std::string, OwnRows> out;
  for (const auto& [origin, leaves] : wanted) {
    const std::string sql = fmt::format(
        "SELECT leaf_index, otlp, resource_id FROM span_rows WHERE verified AND origin = $1 AND leaf_index "
        "IN ({})",
        Listed({leaves.begin(), leaves.end()}));
    TRY_ASSIGN(duckdb::Rows rows, tables_->connection().Query(sql, {std::string_view(origin)}));
    while (rows.Next()) {
      TRY_ASSIGN(otlp::ScopeSpans scope, ReadSpan(rows.Bytes(1)));
      otlp::Span& span = scope.spans[0];
      const SpanId id = span.span_id;
      out[origin][{static_cast<uint64_t>(rows.Int64(0)), id}] = {std::move(span), rows.Int64(2)};
    }
  }
  return out;
}

// The row of the own span that this is a copy of, null when the copy says something else or there is none.
Result<const Writer::OwnRow*> Writer::FindEqual(const OwnRows& rows, const PreparedBatch& batch,
                                                const PreparedSpan& span) {
  auto row = rows.find({span.claim->index, span.span.span_id});
  if (row == rows.end()) return nullptr;
  TRY_ASSIGN(const otlp::ScopeSpans copy, ReadSpan(batch.BytesOf(span)));
  return SaysNothingElse(copy.spans[0], row->second.span) ? &row->second : nullptr;
}

Result<void> Writer::SetResources(Tables::Transaction& transaction, const std::string& origin,
                                  const Overlays& overlays, const PreparedBatch& batch) {
  for (const auto& [key, leaves] : overlays) {
    const auto& [old_id, number] = key;
    TRY_ASSIGN(otlp::Attributes copy, ReadResource(batch.resources[number].bytes));
    TRY_ASSIGN(otlp::Attributes derived, ResourceById(tables_->connection(), old_id));
    const ResourceRow merged = PrepareResource(Overlaid(std::move(copy), derived));
    TRY_ASSIGN(int64_t id, transaction.ResourceId(merged));
    if (id == old_id) continue;
    const std::string sql = fmt::format(
        "UPDATE span_rows SET resource_id = {}, service = nullif($2, '') WHERE verified AND origin = $1 AND "
        "leaf_index IN ({})",
        id, Listed(leaves));
    TRY(tables_->connection().Query(sql, {std::string_view(origin), std::string_view(merged.service)}));
  }
  return {};
}

// Copies that came before their leaves: those that say nothing else give their resource to the leaf's spans and go, the others
// become rows of their own.
Result<void> Writer::TakeClaims(Tables::Transaction& transaction, const std::string& origin,
                                std::vector<OwnLog::Leaf>& leaves) {
  const auto first = static_cast<int64_t>(leaves.front().index),
             last = static_cast<int64_t>(leaves.back().index);
  TRY_ASSIGN(duckdb::Rows rows,
             tables_->connection().Query(
                 "SELECT leaf_index, otlp, resource FROM claimed_rows JOIN resources USING (resource_id) "
                 "WHERE origin = $1 AND leaf_index BETWEEN $2 AND $3 ORDER BY claimed_rows.rowid",
                 {std::string_view(origin), first, last}));
  size_t taken = 0;
  std::vector<otlp::ScopeSpans> others;
  while (rows.Next()) {
    ++taken;
    otlp::ScopeSpans& derived = leaves[static_cast<size_t>(rows.Int64(0) - first)].derived;
    TRY_ASSIGN(otlp::ScopeSpans copy, ReadSpan(rows.Bytes(1)));
    TRY_ASSIGN(copy.resource, ReadResource(rows.Bytes(2)));
    const bool equal = std::any_of(derived.spans.begin(), derived.spans.end(), [&](const otlp::Span& span) {
      return span.span_id == copy.spans[0].span_id && SaysNothingElse(copy.spans[0], span);
    });
    if (equal) {
      derived.resource = Overlaid(std::move(copy.resource), derived.resource);
    } else {
      others.push_back(std::move(copy));
    }
  }
  if (taken == 0) return {};
  claims_taken_ += taken;
  TRY(tables_->connection().Query(
      "DELETE FROM claimed_rows WHERE origin = $1 AND leaf_index BETWEEN $2 AND $3",
      {std::string_view(origin), first, last}));
  return AddAll(transaction, others, false);
}

Result<void> Writer::AddAll(Tables::Transaction& transaction, const std::vector<otlp::ScopeSpans>& scopes,
                            bool verified) {
  const std::string request = otlp::EncodeTraces(scopes);
  otlp::PartialSuccess rejected;  // none: each was read, or derived from a record that was
  TRY_ASSIGN(const PreparedBatch batch, Prepare(request, rejected));
  for (const PreparedSpan& span : batch.spans)
    TRY(transaction.AddSpan(SpanTable::kSpans, batch, span, verified));
  return {};
}

// DuckDB keeps the memory of deleted rows until the table is made anew.
Result<void> Writer::CompactClaims() {
  TRY(tables_->connection().Execute(
      fmt::format("CREATE OR REPLACE TABLE {0} AS FROM {0}", TableName(SpanTable::kClaimed))));
  claims_taken_ = 0;
  return {};
}

}  // namespace beleg::store
