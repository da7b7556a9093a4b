#include "ledger/ledger_core.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "bundle/entry_bundle.h"
#include "io/durable.h"
#include "ledger/cursor.h"
#include "ledger/receipt.h"
#include "ledger/restore_mark.h"
#include "record/request_id.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

constexpr uint64_t kSegmentBytesMin = 512 << 10;
constexpr uint64_t kSegmentBytesMax = 1 << 30;
constexpr size_t kPublishLeavesMax = 2'048;  // who waits for the publisher waits for that many at least

Result<void> CheckOptions(const LedgerOptions& options) {
  if (options.dir.empty()) return Fail(ErrorCode::kInvalidArgument, "the ledger wants a folder");
  if (options.wal_segment_bytes < kSegmentBytesMin || options.wal_segment_bytes > kSegmentBytesMax)
    return Fail(ErrorCode::kInvalidArgument, "wal_segment_bytes is {}, wants {} to {}",
                options.wal_segment_bytes, kSegmentBytesMin, kSegmentBytesMax);
  if (options.index_block_leaves == 0 || options.index_block_leaves % kTileWidth != 0)
    return Fail(ErrorCode::kInvalidArgument, "index_block_leaves is {}, wants a multiple of 256",
                options.index_block_leaves);
  return {};
}

// "keys/001.tlog-proof"
bool IsKeyProofPath(std::string_view path) {
  return path.size() == 19 && path.starts_with("keys/") && path.ends_with(".tlog-proof") &&
         std::ranges::all_of(path.substr(5, 3), [](char c) { return c >= '0' && c <= '9'; });
}

std::vector<HashedLeaf> Hashed(std::vector<std::string> leaves) {
  std::vector<HashedLeaf> out;
  for (std::string& leaf : leaves) {
    const Hash32 hash = wire::MerkleLeafHash(leaf);
    out.push_back({std::move(leaf), hash});
  }
  return out;
}

}  // namespace

LedgerCore::LedgerCore(LedgerOptions options) : options_(std::move(options)) {
  if (options_.fs == nullptr) options_.fs = &io::PosixFileSystem();
  if (options_.clock == nullptr) options_.clock = &system_clock_;
  if (options_.rng == nullptr) options_.rng = &system_rng_;
  probe_ = std::make_unique<Probe>(options_.metrics);
  room_ = std::make_unique<Room>(*options_.clock);
}

Result<std::unique_ptr<LedgerCore>> LedgerCore::Open(LedgerOptions options, OpenFor what) {
  TRY(CheckOptions(options));
  std::unique_ptr<LedgerCore> core(new LedgerCore(std::move(options)));
  TRY(core->OpenFolders(what));
  TRY(core->Recover());
  return core;
}

Result<void> LedgerCore::OpenFolders(OpenFor what) {
  io::FileSystem& fs = *options_.fs;
  TRY(io::MakeFoldersDurably(fs, options_.dir));
  TRY_ASSIGN(lock_, fs.Lock(options_.dir));
  TRY_ASSIGN(auto restoring, ReadRestoring(fs, options_.dir));
  if (restoring && what != OpenFor::kRestore)
    return Fail(
        ErrorCode::kFailedPrecondition,
        "{}: a restore from {} to {} leaves was begun and is not finished: run `beleg ledger restore` again",
        options_.dir, restoring->from, restoring->to);
  io::DurableFolders folders(fs, options_.dir);
  for (std::string_view name : {"wal", "public", "index", "cursors"}) TRY(folders.Make(PathOf(name)));
  TRY_ASSIGN(identity_, OpenIdentity(fs, options_.dir, options_.origin, *options_.rng));
  TRY_ASSIGN(publisher_, Publisher::Open(fs, PathOf("public"), CheckpointSigner(identity_, *options_.clock)));
  ForgetExpiredKeys(fs, options_.dir, identity_, options_.clock->UnixMicros());
  TRY_ASSIGN(auto pruned, Cursor::Open(fs, options_.dir, std::string(kPrunedCursor)));
  pruned_before_ = pruned->next();
  TRY_ASSIGN(requests_, RequestIndex::Open(fs, PathOf("index"), options_.index_block_leaves));
  reader_ = std::make_unique<LogReader>(fs, PathOf("public"));
  return {};
}

// Crashing anywhere in here and starting again gives the same log: each step only repeats what is durable already. What is not
// published yet is left to the publisher, so that a start is quick.
Result<void> LedgerCore::Recover() {
  const uint64_t published_size = published()->size();
  TRY_ASSIGN(WalContent content, ReadWal(*options_.fs, PathOf("wal"), published_size));
  TRY(CheckContent(content));
  TRY(RewriteTail(*options_.fs, PathOf("wal"), content));  // now all that was read is on disk for certain
  TRY(RemoveTorn(*options_.fs, PathOf("wal"), content));
  tail_ = std::make_unique<LeafTail>(FullTiles(published_size, 0) * kTileWidth);
  tail_->Append(publisher_->TakeBundleLeaves());
  tail_->Published(published_size);
  tail_->Append(Hashed(std::move(content.leaves)));
  TRY(RestoreRequestIndex());
  TRY(StartWal(content));
  if (durable_size() > published_size || !content.open.empty())
    LOG_INFO("ledger.recovered", F("size", durable_size()), F("published_before", published_size),
             F("open_requests", content.open.size()));
  return committer_->LookForRoom();
}

Result<void> LedgerCore::CheckContent(const WalContent& content) const {
  const uint64_t size = published()->size();
  if (!content.has_groups) return {};
  if (content.end_leaf < size)
    return Fail(ErrorCode::kDataLoss, "{}: ends at leaf {}, but the checkpoint covers {}", PathOf("wal"),
                content.end_leaf, size);
  if (content.leaves.size() != content.end_leaf - size)
    return Fail(ErrorCode::kDataLoss, "{}: leaves from {} to {} are missing", PathOf("wal"), size,
                content.end_leaf - content.leaves.size());
  return {};
}

Result<void> LedgerCore::StartWal(const WalContent& content) {
  uint64_t next_segment = content.last_segment + 1;
  if (!content.untouched.empty()) next_segment = content.untouched.back().number + 1;
  // Old segments wait for publication like sealed ones. Where in them a begin stands is not known: it counts as in the first.
  std::vector<SealedSegment> old;
  for (uint64_t number : content.segments) old.push_back({number, durable_size()});
  for (const auto& [key, begin] : content.open) open_.Written(key, begin, content.segments.front());
  TRY_ASSIGN(wal_, Wal::Start({.fs = options_.fs,
                               .folder = PathOf("wal"),
                               .rng = options_.rng,
                               .segment_bytes = options_.wal_segment_bytes,
                               .old_segments = std::move(old),
                               .untouched = content.untouched,
                               .first_segment = next_segment,
                               .first_group = content.next_group}));
  committer_ = std::make_unique<Committer>(
      Committer::Parts{options_, *wal_, open_, *tail_, *requests_, *identity_.signer, *room_, *probe_});
  return {};
}

Result<void> LedgerCore::CommitAll(std::vector<Op> ops) {
  std::vector<Op> group;
  size_t bytes = 0;
  for (Op& op : ops) {
    if (!group.empty() && bytes + op.size_bytes() > ops_bytes_max()) {
      TRY(CommitGroup(std::exchange(group, {})));
      bytes = 0;
    }
    bytes += op.size_bytes();
    group.push_back(std::move(op));
  }
  return CommitGroup(std::move(group));
}

// All of it or nothing: Commit alone would write the ends, which have their room, without what comes before them.
Result<void> LedgerCore::CommitGroup(std::vector<Op> group) {
  TRY(committer_->Admit(group));
  Result<void> all;
  for (Op& op : group)
    op.done = [&all](Result<FinishReceipt> receipt) {
      if (!receipt) all = std::unexpected<Error>(receipt.error());
    };
  TRY(Commit(group));
  if (!group.empty()) return Fail(ErrorCode::kResourceExhausted, "{}: no room", options_.dir);
  return all;
}

Result<void> LedgerCore::Publish() {
  const auto before = published();
  // A full portion ends with a full tile, so that it writes no partial ones for the next to replace.
  const auto leaves = tail_->Copy(before->size(), kPublishLeavesMax - before->size() % kTileWidth);
  if (leaves.empty()) return requests_->Seal(before->size());
  const int64_t start_us = options_.clock->MonoMicros();
  TRY(publisher_->Publish(leaves));
  const uint64_t size = published()->size();
  tail_->Published(size);
  tail_->DropBefore(FullTiles(size, 0) * kTileWidth);
  const int64_t took_us = options_.clock->MonoMicros() - start_us;
  probe_->publish_seconds.Observe(static_cast<double>(took_us) / 1e6);
  probe_->published_size.Set(static_cast<double>(size));
  return requests_->Seal(size);
}

Result<std::optional<Op>> LedgerCore::Retire() {
  for (const SealedSegment& segment : wal_->sealed()) {
    if (segment.end_leaf > published()->size()) break;
    if (!open_.WrittenThrough(segment.number).empty()) {
      Op forward;
      forward.kind = Op::Kind::kForward;
      forward.through_segment = segment.number;
      return forward;
    }
    TRY(wal_->RemoveOldest());
  }
  return std::nullopt;
}

Result<std::vector<Leaf>> LedgerCore::Read(uint64_t first, size_t count_max, size_t bytes_max) {
  TRY(CheckNotPruned(first));
  std::vector<Leaf> leaves;
  size_t bytes = 0;
  while (leaves.size() < count_max && (leaves.empty() || bytes < bytes_max)) {
    const uint64_t next = first + leaves.size();
    const size_t count = count_max - leaves.size();
    const size_t bytes_left = bytes_max - std::min(bytes_max, bytes);
    auto part = tail_->Read(next, count, bytes_left);
    if (part.empty() && next < tail_->first()) {
      TRY_ASSIGN(part, reader_->ReadFullBundle(next, count, bytes_left));
    }
    if (part.empty()) break;
    for (Leaf& leaf : part) {
      if (!leaves.empty() && bytes + leaf.bytes.size() > bytes_max) return leaves;
      bytes += leaf.bytes.size();
      leaves.push_back(std::move(leaf));
    }
  }
  return leaves;
}

Result<void> LedgerCore::CheckNotPruned(uint64_t index) const {
  if (index >= pruned_before_) return {};
  return Fail(
      ErrorCode::kNotFound,
      "entry {}: the entries before {} were pruned from this host, as a prune record in the log says; the "
      "log's mirror has them",
      index, pruned_before_);
}

Result<FinishReceipt> LedgerCore::ReceiptOf(uint64_t index) {
  TRY_ASSIGN(auto leaves, Read(index, 1, bundle::kLeafBytesMax));
  if (leaves.empty()) return Fail(ErrorCode::kNotFound, "the log has no leaf {}", index);
  const std::string& leaf = leaves[0].bytes;
  FinishReceipt receipt{index, wire::MerkleLeafHash(leaf), ""};
  const FinishReceiptBody body{origin(), index, receipt.leaf_hash, RequestIdOf(leaf)};
  receipt.header = SignReceipts(*identity_.signer, {EncodeReceiptBody(body)})[0];
  return receipt;
}

Result<std::string> LedgerCore::Proof(const Published& published, uint64_t index) {
  TRY_ASSIGN(Hash32 leaf_hash, reader_->LeafHash(published, index));
  TRY_ASSIGN(auto path, reader_->InclusionPath(published, index, leaf_hash));
  std::string proof = fmt::format("c2sp.org/tlog-proof@v1\nindex {}\n", index);
  for (const Hash32& hash : path) proof += Base64Encode(AsView(hash)) + "\n";
  return proof + "\n" + published.checkpoint;
}

Result<Resource> LedgerCore::ReadResource(std::string_view path) {
  if (path == "checkpoint") return Resource{published()->checkpoint, "text/plain; charset=utf-8", false};
  if (IsKeyProofPath(path)) {
    TRY_ASSIGN(std::string bytes, io::ReadFile(*options_.fs, PathOf("public/") + std::string(path)));
    return Resource{std::move(bytes), "text/plain; charset=utf-8", true};
  }
  if (auto tile = ParseTilePath(path); tile && tile->level == kEntriesLevel)
    TRY(CheckNotPruned(tile->number * kTileWidth));
  return reader_->ReadTileResource(path);
}

}  // namespace beleg::ledger
