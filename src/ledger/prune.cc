#include "ledger/prune.h"

#include <algorithm>
#include <tuple>

#include "bundle/stored.h"
#include "io/durable.h"
#include "ledger/cursor.h"
#include "ledger/tile_path.h"
#include "ledger/visit.h"

namespace beleg::ledger {
namespace {

constexpr uint64_t kBundlesOfFolder = 1000;  // tile paths have three digits a level

class Pruner {
 public:
  Pruner(LedgerCore& core, const PruneRequest& request) : core_(core), request_(request) {}

  // Where the log shall begin; sets what of the outcome is known.
  Result<uint64_t> Decide(PruneOutcome& outcome);
  Result<void> CheckCopies(uint64_t first, uint64_t end);
  Result<int64_t> SizeBytes(uint64_t first, uint64_t end);
  Result<void> Remove(uint64_t end);

 private:
  io::FileSystem& fs() { return *core_.options().fs; }
  std::string PathOf(uint64_t number) {
    return core_.options().dir + "/public/" + TilePath({kEntriesLevel, number, kTileWidth});
  }
  Result<void> CheckCovered();
  Result<void> LimitByCursors(uint64_t& end, std::string& limited_by);
  void LimitByHolds(uint64_t first, uint64_t& end, std::string& limited_by) const;
  Result<uint64_t> EndByTime(uint64_t first, uint64_t end);

  LedgerCore& core_;
  const PruneRequest& request_;
};

Result<uint64_t> Pruner::Decide(PruneOutcome& outcome) {
  TRY(CheckCovered());
  outcome.before = outcome.after = core_.pruned_before();
  uint64_t end = request_.before_us && request_.before_index == 0 ? UINT64_MAX : request_.before_index;
  const uint64_t covered = std::min(request_.covered_size, core_.published()->size());
  if (end > covered) {
    end = covered;
    outcome.limited_by = fmt::format("the mirror has {} entries of this log", request_.covered_size);
  }
  TRY(LimitByCursors(end, outcome.limited_by));
  LimitByHolds(outcome.before, end, outcome.limited_by);
  end -= end % kTileWidth;
  if (request_.before_us) {
    TRY_ASSIGN(uint64_t by_time, EndByTime(outcome.before, end));
    if (by_time < end) outcome.limited_by = "";
    end = by_time;
  }
  return std::max(end, outcome.before);
}

Result<void> Pruner::CheckCovered() {
  if (request_.covered_size > core_.durable_size())
    return Fail(ErrorCode::kFailedPrecondition,
                "{}: the mirror has {} entries, this log {}: it is an old copy", core_.options().dir,
                request_.covered_size, core_.durable_size());
  TRY_ASSIGN(Hash32 root, core_.RootAt(request_.covered_size));
  if (root == request_.covered_root) return {};
  return Fail(ErrorCode::kFailedPrecondition, "{}: the mirror's {} entries are not those of this log",
              core_.options().dir, request_.covered_size);
}

// A reader that has not come so far would never see them.
Result<void> Pruner::LimitByCursors(uint64_t& end, std::string& limited_by) {
  TRY_ASSIGN(auto names, fs().List(core_.options().dir + "/cursors"));
  for (const std::string& name : names) {
    if (name == kPrunedCursor || name.ends_with(".tmp")) continue;
    TRY_ASSIGN(auto cursor, Cursor::Open(fs(), core_.options().dir, name));
    if (cursor->next() >= end) continue;
    end = cursor->next();
    limited_by = fmt::format("the reader {} has come to entry {}", name, end);
  }
  return {};
}

void Pruner::LimitByHolds(uint64_t first, uint64_t& end, std::string& limited_by) const {
  for (const PruneRequest::Held& held : request_.held) {
    if (held.end <= first || held.first >= end) continue;  // gone already, or not touched
    end = held.first;
    limited_by = fmt::format("the hold {} keeps entry {}{}", held.name, held.first,
                             held.end == UINT64_MAX      ? " and all that follow"
                             : held.end > held.first + 1 ? fmt::format(" to {}", held.end - 1)
                                                         : "");
  }
}

// Records stand nearly in the order of their times, so the first bundle that is too young is looked for by halving.
Result<uint64_t> Pruner::EndByTime(uint64_t first, uint64_t end) {
  uint64_t low = first / kTileWidth, high = std::max(first, end) / kTileWidth;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    TRY_ASSIGN(auto leaves, core_.Read(middle * kTileWidth + kTileWidth - 1, 1, SIZE_MAX));
    auto record = leaves.empty() ? Fail(ErrorCode::kNotFound, "") : record::Decode(leaves[0].bytes);
    if (record && record->time_us < *request_.before_us)
      low = middle + 1;
    else
      high = middle;
  }
  return low * kTileWidth;
}

Result<void> Pruner::CheckCopies(uint64_t first, uint64_t end) {
  for (; request_.check_copy && first < end; first += kTileWidth)
    if (auto there = request_.check_copy(first, kTileWidth); !there)
      return Fail(std::move(there.error()), "the mirror's entries {} to {}: nothing was pruned", first,
                  first + kTileWidth);
  return {};
}

Result<int64_t> Pruner::SizeBytes(uint64_t first, uint64_t end) {
  int64_t bytes = 0;
  for (uint64_t number = first / kTileWidth; number < end / kTileWidth; ++number) {
    TRY_ASSIGN(uint64_t size, bundle::StoredSize(fs(), PathOf(number)));
    bytes += static_cast<int64_t>(size);
  }
  return bytes;
}

// From the beginning on: an earlier call may have been cut short.
Result<void> Pruner::Remove(uint64_t end) {
  for (uint64_t number = 0; number < end / kTileWidth; ++number) {
    TRY(bundle::RemoveStored(fs(), PathOf(number)));
    if (number % kBundlesOfFolder == kBundlesOfFolder - 1)
      std::ignore = fs().RemoveFolder(io::ParentOf(PathOf(number)));  // an empty one does no harm
  }
  return {};
}

}  // namespace

Result<PruneOutcome> Prune(LedgerOptions options, const PruneRequest& request, const Program& program) {
  PruneOutcome outcome;
  uint64_t end = 0;
  {
    // Looked at before the visit writes anything: what is refused leaves no trace.
    TRY_ASSIGN(auto core, LedgerCore::Open(options));
    Pruner pruner(*core, request);
    TRY_ASSIGN(end, pruner.Decide(outcome));
    TRY(pruner.CheckCopies(outcome.before, end));
    TRY_ASSIGN(outcome.bytes, pruner.SizeBytes(outcome.before, end));
    if (end == outcome.before) {
      TRY(pruner.Remove(end));
      return outcome;
    }
  }
  TRY_ASSIGN(auto visit, Visit::Open(std::move(options), "prune", program,
                                     {{"holds", request.holds_asked ? "asked" : "not asked"}}));
  LedgerCore& core = visit->core();
  record::Prune record;
  record.origin = core.origin();
  record.ground = request.ground;
  record.first_index = outcome.before;
  record.end_index = end;
  record.before_us = request.before_us.value_or(0);
  record.items = static_cast<int64_t>(end - outcome.before);
  record.bytes = outcome.bytes;
  TRY(visit->Append(std::move(record)));
  TRY(visit->Close());
  TRY_ASSIGN(auto pruned, Cursor::Open(*core.options().fs, core.options().dir, std::string(kPrunedCursor)));
  TRY(pruned->Advance(end));
  TRY(Pruner(core, request).Remove(end));
  outcome.after = end;
  return outcome;
}

}  // namespace beleg::ledger
