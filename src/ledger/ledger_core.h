// The ledger without its threads: everything it does is a call, so a simulation can choose the order (ledger.cc has the threads).
//
// Threads: Commit from one (the writer), Publish and Retire from one (the publisher), the rest from any.
// Errors:  an error of Commit, Publish or Retire is fatal, but kResourceExhausted of Publish: no room, try again later.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ledger/committer.h"
#include "ledger/identity.h"
#include "ledger/leaf_tail.h"
#include "ledger/ledger.h"
#include "ledger/log_reader.h"
#include "ledger/open_requests.h"
#include "ledger/probe.h"
#include "ledger/publisher.h"
#include "ledger/request_index.h"
#include "ledger/room.h"
#include "ledger/wal.h"
#include "ledger/wal_recovery.h"

namespace beleg::ledger {

class LedgerCore {
 public:
  // Locks the folder and recovers: reads what is published and what the write-ahead log has beyond it, and starts a fresh segment.
  // kFailedPrecondition while a restore is not finished, which alone may go on then.
  enum class OpenFor { kWork, kRestore };
  static Result<std::unique_ptr<LedgerCore>> Open(LedgerOptions options, OpenFor what = OpenFor::kWork);

  const LedgerOptions& options() const { return options_; }
  const std::string& origin() const { return identity_.signer->name(); }
  const std::string& vkey() const { return identity_.signer->vkey(); }
  const std::string& host() const { return identity_.host; }
  const Identity& identity() const { return identity_; }

  // Writer. ops: of at most ops_bytes_max together, or one. Leaves in it what is not answered (Committer::Commit).
  Result<void> Commit(std::vector<Op>& ops) { return committer_->Commit(ops); }
  // All of them, in as many groups as they need, for who is alone with the log: after an error (kResourceExhausted: no room) the first
  // of them are written, and none of those behind. Their callbacks are set here.
  Result<void> CommitAll(std::vector<Op> ops);
  size_t ops_bytes_max() const { return committer_->ops_bytes_max(); }

  // Publisher. Publishes up to two thousand leaves, signs, seals full blocks of the request index.
  Result<void> Publish();
  // Removes segments of the write-ahead log whose leaves are published. When one holds begins of open requests these must be copied
  // forward first: gives the op that does it, to be committed before the next Retire.
  Result<std::optional<Op>> Retire();
  // Makes room ahead and looks whether a full disk has room again.
  Result<void> RefreshRoom() { return committer_->RefreshRoom(); }

  // The ops of a boot's start: its boot record, the key record at inception, a config record after a restore, a lost record for each
  // request that a former boot left open. Their callbacks are empty.
  Result<std::vector<Op>> BootOps(const BootId& boot, record::Boot body);
  // They are durable.
  void BootIsDurable();

  OpenRequests& open_requests() { return open_; }
  const OpenRequests& open_requests() const { return open_; }
  Room& room() { return *room_; }
  const Room& room() const { return *room_; }

  uint64_t durable_size() const { return tail_->end(); }
  // The first entry that is still here; a multiple of 256.
  uint64_t pruned_before() const { return pruned_before_; }
  size_t unpublished_bytes() const { return tail_->unpublished_bytes(); }
  std::shared_ptr<const Published> published() const { return publisher_->published(); }
  Result<std::vector<Leaf>> Read(uint64_t first, size_t count_max, size_t bytes_max);
  Result<uint64_t> FindRequest(const RequestId& id);
  Result<FinishReceipt> ReceiptOf(uint64_t index);
  // Of the first so many durable leaves (CHECK), and of one (CHECK). Not beside Publish, which moves leaves out of the tail.
  Result<Hash32> RootAt(uint64_t size);
  Result<Hash32> LeafHash(uint64_t index);
  // CHECK: index is published.
  Result<std::string> Proof(const Published& published, uint64_t index);
  Result<Resource> ReadResource(std::string_view path);

 private:
  explicit LedgerCore(LedgerOptions options);
  std::string PathOf(std::string_view name) const { return options_.dir + "/" + std::string(name); }
  Result<void> CommitGroup(std::vector<Op> group);
  Result<void> OpenFolders(OpenFor what);
  Result<void> Recover();
  Result<void> CheckContent(const WalContent& content) const;
  Result<void> StartWal(const WalContent& content);
  Result<void> CheckNotPruned(uint64_t index) const;
  Result<void> RestoreRequestIndex();
  Result<RequestIndex::Ids> IdsOfBlock(uint64_t block);
  Result<std::optional<uint64_t>> FindAmong(const RequestId& id, const std::vector<uint64_t>& indexes);

  LedgerOptions options_;
  SystemClock system_clock_;
  SystemRng system_rng_;
  std::unique_ptr<io::FolderLock> lock_;
  Identity identity_;
  uint64_t pruned_before_ = 0;
  std::unique_ptr<Probe> probe_;
  std::unique_ptr<Room> room_;
  OpenRequests open_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<LogReader> reader_;
  std::unique_ptr<LeafTail> tail_;
  std::unique_ptr<RequestIndex> requests_;
  std::unique_ptr<Wal> wal_;
  std::unique_ptr<Committer> committer_;
};

}  // namespace beleg::ledger
