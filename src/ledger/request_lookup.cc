// LedgerCore's way from a request to its leaf, and the index that shortens it.
#include <algorithm>

#include "base/log.h"
#include "ledger/ledger_core.h"

namespace beleg::ledger {
namespace {

constexpr size_t kReadBytes = 16 << 20;

}  // namespace

Result<uint64_t> LedgerCore::FindRequest(const RequestId& id) {
  const bool is_open =
      open_.Contains(id);  // asked first: if it ends meanwhile, its leaf is there when we look
  auto candidates = requests_->Find(id);
  TRY_ASSIGN(auto found, FindAmong(id, candidates.indexes));
  for (uint64_t block : candidates.damaged_blocks) {
    if (found) break;
    TRY_ASSIGN(auto ids, IdsOfBlock(block));
    TRY(requests_->MendBlock(block, ids));
    for (const auto& [other, row] : ids)
      if (other == id) found = block * requests_->block_leaves() + row;
  }
  if (found) return *found;
  if (is_open) return Fail(ErrorCode::kUnavailable, "request {} is still running", id.Hex());
  return Fail(ErrorCode::kNotFound, "no record of request {}", id.Hex());
}

Result<std::optional<uint64_t>> LedgerCore::FindAmong(const RequestId& id,
                                                      const std::vector<uint64_t>& indexes) {
  Result<void> pruned;
  for (uint64_t index : indexes) {
    if (auto there = CheckNotPruned(index); !there) {
      pruned = there;
      continue;  // which may be another's: an index says where an id may be
    }
    TRY_ASSIGN(auto leaves, Read(index, 1, kReadBytes));
    if (!leaves.empty() && RequestIdOf(leaves[0].bytes) == id) return index;
  }
  if (!pruned) return std::unexpected<Error>(pruned.error());
  return std::nullopt;
}

// Makes again what is missing of the index: files of full blocks, and in memory what is in no file yet.
Result<void> LedgerCore::RestoreRequestIndex() {
  const uint64_t published_size = published()->size();
  for (uint64_t block : requests_->MissingBlocks(published_size)) {
    TRY_ASSIGN(auto ids, IdsOfBlock(block));
    TRY(requests_->WriteBlock(block, ids));
  }
  const uint64_t block_leaves = requests_->block_leaves();
  for (uint64_t block = published_size / block_leaves; block * block_leaves < durable_size(); ++block) {
    TRY_ASSIGN(auto ids, IdsOfBlock(block));
    for (const auto& [id, row] : ids) requests_->Add(id, block * block_leaves + row);
  }
  return {};
}

Result<RequestIndex::Ids> LedgerCore::IdsOfBlock(uint64_t block) {
  RequestIndex::Ids ids;
  const uint64_t first = block * requests_->block_leaves();
  for (uint64_t next = std::max(first, pruned_before_); next < first + requests_->block_leaves();) {
    TRY_ASSIGN(auto leaves, Read(next, first + requests_->block_leaves() - next, kReadBytes));
    if (leaves.empty()) break;
    for (const Leaf& leaf : leaves)
      if (auto id = RequestIdOf(leaf.bytes)) ids.emplace_back(*id, static_cast<uint32_t>(leaf.index - first));
    next += leaves.size();
  }
  return ids;
}

}  // namespace beleg::ledger
