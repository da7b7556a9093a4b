#include "ledger/request_index.h"

#include <algorithm>

#include "base/log.h"
#include "io/durable.h"
#include "record/audit_record.h"
#include "record/request_id.h"

namespace beleg::ledger {
namespace {

constexpr std::string_view kSuffix = ".ids";

std::string BlockName(uint64_t block) { return fmt::format("{:08}{}", block, kSuffix); }

}  // namespace

std::optional<RequestId> RequestIdOf(std::string_view leaf) {
  // Heartbeats, models and the like are most of what is no request's record, and have no trace.
  if (leaf.find("\"trace_id\"") == leaf.npos) return std::nullopt;
  auto record = record::Decode(leaf);
  if (!record) return std::nullopt;
  return record::RequestIdOf(*record);
}

Result<std::unique_ptr<RequestIndex>> RequestIndex::Open(io::FileSystem& fs, std::string folder,
                                                         uint64_t block_leaves) {
  std::unique_ptr<RequestIndex> requests(new RequestIndex(fs, std::move(folder), block_leaves));
  TRY_ASSIGN(auto names, fs.List(requests->folder_));
  MutexLock lock(requests->mutex_);
  for (const std::string& name : names) {
    auto block = ParseUint64(std::string_view(name).substr(0, name.find('.')));
    if (block && BlockName(*block) == name) requests->blocks_.insert(*block);
  }
  return requests;
}

std::vector<uint64_t> RequestIndex::MissingBlocks(uint64_t published_size) const {
  MutexLock lock(mutex_);
  std::vector<uint64_t> missing;
  for (uint64_t block = 0; block < published_size / block_leaves_; ++block)
    if (!blocks_.contains(block)) missing.push_back(block);
  return missing;
}

void RequestIndex::Add(const RequestId& id, uint64_t index) {
  MutexLock lock(mutex_);
  newest_[id] = index;
  unsealed_[index / block_leaves_].emplace_back(id, static_cast<uint32_t>(index % block_leaves_));
}

Result<void> RequestIndex::Seal(uint64_t published_size) {
  for (uint64_t block : MissingBlocks(published_size)) {
    Ids ids;
    {
      MutexLock lock(mutex_);
      ids = unsealed_[block];  // none of a block without requests
    }
    TRY(WriteBlock(block, ids));
    MutexLock lock(mutex_);
    unsealed_.erase(block);
    for (const auto& [id, row] : ids) newest_.erase(id);
  }
  return {};
}

Result<void> RequestIndex::WriteBlock(uint64_t block, const Ids& ids) {
  index::IdIndexBuilder builder;
  for (const auto& [id, row] : ids) builder.Add(id.view(), row);
  TRY(io::WriteFileDurably(fs_, PathOf(block), builder.Build()));
  open_blocks_.Drop(block);
  MutexLock lock(mutex_);
  blocks_.insert(block);
  return {};
}

Result<void> RequestIndex::MendBlock(uint64_t block, const Ids& ids) {
  {
    MutexLock lock(mutex_);
    if (!mending_.insert(block).second) return {};
  }
  auto written = WriteBlock(block, ids);
  MutexLock lock(mutex_);
  mending_.erase(block);
  return written;
}

RequestIndex::Candidates RequestIndex::Find(const RequestId& id) {
  Candidates found;
  std::vector<uint64_t> blocks;
  {
    MutexLock lock(mutex_);
    if (auto it = newest_.find(id); it != newest_.end()) return {{it->second}, {}};
    blocks.assign(blocks_.rbegin(), blocks_.rend());  // newest first: that is what is asked for
  }
  for (uint64_t block : blocks) {
    auto rows = FindInBlock(block, id);
    if (!rows) {
      LOG_WARN("ledger.request_index_damaged", F("why", rows.error().message));
      found.damaged_blocks.push_back(block);
      continue;
    }
    for (uint32_t row : *rows) found.indexes.push_back(block * block_leaves_ + row);
  }
  return found;
}

Result<std::vector<uint32_t>> RequestIndex::FindInBlock(uint64_t block, const RequestId& id) {
  auto ids = open_blocks_.Get(block);
  if (ids == nullptr) {
    TRY_ASSIGN(auto opened, index::IdIndex::Open(fs_, PathOf(block)));
    ids = std::move(opened);
    open_blocks_.Put(block, ids);
  }
  return ids->Find(id.view());
}

std::string RequestIndex::PathOf(uint64_t block) const { return folder_ + "/" + BlockName(block); }

}  // namespace beleg::ledger
