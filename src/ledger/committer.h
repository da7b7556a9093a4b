// Writes groups: admits what there is room for, gives indexes, makes it durable, signs receipts, tells who waits.
//
// Room:    each begun request keeps kEndReserveBytes free in the write-ahead log, so its end can be written on a full disk.
// Errors:  an error of Commit means that the state of the disk is unknown: the process must stop (ADR 0004). Nobody was told anything,
//          neither yes nor no: an op's record may be there or not, so nobody may be, before the process has stopped.
// Threads: Commit from one; LookForRoom and RefreshRoom from any.
#pragma once

#include <atomic>
#include <vector>

#include "ledger/leaf_tail.h"
#include "ledger/ledger.h"
#include "ledger/note_signer.h"
#include "ledger/op_queue.h"
#include "ledger/open_requests.h"
#include "ledger/probe.h"
#include "ledger/request_index.h"
#include "ledger/room.h"
#include "ledger/wal.h"

namespace beleg::ledger {

// A record in a group of its own, and its begin frame once more (when that is copied forward).
constexpr uint64_t kEndReserveBytes = record::kRecordBytesMax + 2048;

class Committer {
 public:
  struct Parts {
    const LedgerOptions& options;  // with fs and clock set
    Wal& wal;
    OpenRequests& open;
    LeafTail& tail;
    RequestIndex& requests;
    NoteSigner& signer;
    Room& room;
    Probe& probe;
  };
  explicit Committer(const Parts& parts) : parts_(parts) {}

  // Commits the ops as one group, and takes out of them those it has answered. What is left: ends that could not be written for want
  // of room, to be tried again; after an error, all that wait for what nobody knows.
  Result<void> Commit(std::vector<Op>& ops);

  // Makes the room that Commit wants for these ops. kResourceExhausted: it would refuse what is new among them.
  Result<void> Admit(const std::vector<Op>& ops);

  // Looks at the disk. kResourceExhausted is reported to Room; other errors are fatal.
  Result<void> LookForRoom();
  // The same, and makes a spare segment ahead.
  Result<void> RefreshRoom();

  // How many bytes of ops fit into one group.
  size_t ops_bytes_max() const;

 private:
  struct Plan;
  Result<void> FindRoom(uint64_t wal_bytes);
  void RefuseNewWork(std::vector<Op>& ops, const Error& why);
  void FailStrayEnds(std::vector<Op>& ops);
  Plan Build(const std::vector<Op>& ops);
  void AddForwarded(Plan& plan, const std::vector<Op>& ops, uint64_t through_segment);
  Result<uint64_t> Write(Plan& plan);
  void Apply(Plan& plan, const std::vector<Op>& ops, uint64_t segment);
  void Answer(const Plan& plan, std::vector<Op>& ops);

  const Parts parts_;
  std::atomic<int64_t> free_bytes_seen_us_ = INT64_MIN / 2;
};

}  // namespace beleg::ledger
