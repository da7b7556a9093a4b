#include "ledger/restore.h"

#include <algorithm>

#include "base/log.h"
#include "io/durable.h"
#include "ledger/ledger_core.h"
#include "ledger/restore_mark.h"

namespace beleg::ledger {
namespace {

constexpr size_t kPublishBytes = 4 << 20;

class Restorer {
 public:
  Restorer(LedgerCore& core, const MirroredLog& mirror) : core_(core), mirror_(mirror) {}

  Result<RestoreOutcome> Run() {
    RestoreOutcome outcome;
    outcome.size_before = core_.durable_size();
    TRY(CheckBeginning());
    TRY_ASSIGN(auto mark, ReadRestoring(fs(), dir()));
    if (outcome.size_before < mirror_.size) {
      TRY(MarkRestoring(fs(), dir(), {outcome.size_before, mirror_.size}));
    } else if (!mark) {
      outcome.size_after = outcome.size_before;
      return outcome;
    }
    while (core_.durable_size() < mirror_.size) TRY(CopySome());
    while (core_.published()->size() < core_.durable_size()) TRY(Publish());
    if (core_.durable_size() == mirror_.size && core_.published()->root != mirror_.root)
      return Fail(ErrorCode::kDataLoss, "{}: what the mirror gave does not have its root", dir());
    if (mark && core_.durable_size() < mark->to)
      return Fail(ErrorCode::kFailedPrecondition,
                  "{}: a restore to {} leaves was begun, and this mirror has {}: name the one that has them",
                  dir(), mark->to, mirror_.size);
    TRY(WriteKeyProofs());
    TRY(MarkRestored(fs(), dir()));
    outcome.size_after = core_.durable_size();
    outcome.changed = true;
    return outcome;
  }

 private:
  io::FileSystem& fs() { return *core_.options().fs; }
  const std::string& dir() { return core_.options().dir; }

  Result<void> CheckBeginning();
  Result<void> TellFirstDifference(uint64_t common, Error error);
  Result<void> CopySome();
  Op OpOf(std::string leaf);
  Result<void> Publish();
  Result<void> WriteKeyProofs();

  LedgerCore& core_;
  const MirroredLog& mirror_;
};

Result<void> Restorer::CheckBeginning() {
  const uint64_t common = std::min(core_.durable_size(), mirror_.size);
  TRY_ASSIGN(Hash32 root, core_.RootAt(common));
  auto same = mirror_.check_beginning(common, root);
  if (same || same.error().code != ErrorCode::kDataLoss) return same;
  return TellFirstDifference(common, std::move(same.error()));
}

// When no leaf differs the error is what it says: damage.
Result<void> Restorer::TellFirstDifference(uint64_t common, Error error) {
  for (uint64_t index = 0; index < common; ++index) {
    TRY_ASSIGN(Hash32 ours, core_.LeafHash(index));
    TRY_ASSIGN(Hash32 theirs, mirror_.leaf_hash(index));
    if (ours == theirs) continue;
    return Fail(ErrorCode::kFailedPrecondition,
                "{}: this log ({} leaves) and the mirror's ({}) differ from leaf {} on: it is not an old "
                "copy of that log, "
                "or it was written to after it was put back. Nothing was changed. Keep this folder as "
                "evidence, and restore "
                "into an empty one with --key {}/key",
                dir(), core_.durable_size(), mirror_.size, index, dir());
  }
  return std::unexpected<Error>(std::move(error));
}

// At most a bundle.
Result<void> Restorer::CopySome() {
  const uint64_t first = core_.durable_size();
  const uint64_t count = std::min(kTileWidth - first % kTileWidth, mirror_.size - first);
  TRY_ASSIGN(auto leaves, mirror_.leaves(first, count));
  if (leaves.size() != count)
    return Fail(ErrorCode::kDataLoss, "the mirror gave {} leaves from {} on, not {}", leaves.size(), first,
                count);
  std::vector<Op> ops;
  for (std::string& leaf : leaves) ops.push_back(OpOf(std::move(leaf)));
  TRY(core_.CommitAll(std::move(ops)));
  const size_t publish_at = std::min(kPublishBytes, core_.options().unpublished_bytes_max / 4);
  return core_.unpublished_bytes() > publish_at ? Publish() : Result<void>();
}

// The record of a request that is open here ends it, as it did when it was written first.
Op Restorer::OpOf(std::string leaf) {
  Op op;
  op.request_id = RequestIdOf(leaf);
  if (op.request_id && core_.open_requests().Contains(*op.request_id)) {
    auto record = record::Decode(leaf);
    op.key = {record::BootOfRequest(*record), record::IdentityOf(*record)->seq};
    if (core_.open_requests().End(op.key)) op.kind = Op::Kind::kEnd;
  }
  op.leaf = std::move(leaf);
  return op;
}

Result<void> Restorer::Publish() {
  TRY(core_.Publish());
  TRY_ASSIGN(auto forward, core_.Retire());
  if (!forward) return {};
  std::vector<Op> ops;
  ops.push_back(std::move(*forward));
  return core_.Commit(ops);
}

Result<void> Restorer::WriteKeyProofs() {
  for (size_t i = 0; i < mirror_.key_proofs.size(); ++i) {
    const std::string path = KeyProofPath(dir(), i + 1);
    TRY_ASSIGN(bool exists, fs().Exists(path));
    if (exists) continue;
    TRY(io::MakeFoldersDurably(fs(), io::ParentOf(path)));
    TRY(io::WriteFileDurably(fs(), path, mirror_.key_proofs[i]));
  }
  return {};
}

}  // namespace

Result<RestoreOutcome> Restore(LedgerOptions options, const std::string& key, const MirroredLog& mirror) {
  if (!key.empty()) {
    io::FileSystem& fs = options.fs == nullptr ? io::PosixFileSystem() : *options.fs;
    TRY(io::MakeFoldersDurably(fs, options.dir));
    TRY_ASSIGN(bool has_key, fs.Exists(options.dir + "/key"));
    // With its key alone the folder would open as a new log of the old name.
    if (!has_key) TRY(MarkRestoring(fs, options.dir, {0, mirror.size}));
    TRY(AdoptKey(fs, options.dir, key));
  }
  TRY_ASSIGN(auto core, LedgerCore::Open(std::move(options), LedgerCore::OpenFor::kRestore));
  return Restorer(*core, mirror).Run();
}

}  // namespace beleg::ledger
