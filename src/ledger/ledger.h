// Ledger: the evidence. Appends audit records to a C2SP transparency log and answers when they are durable.
//
// Shape:    leaf = canonical record bytes, 1..65,535; answer = leaf index, 0-based, dense, in order of append.
// Order:    an answer comes after group fdatasync of the write-ahead file, so it survives kill -9 and a power cut. Tiles,
//           bundles and the signed checkpoint follow within checkpoint_interval.
// Begin:    a begun request that has no leaf when the process dies becomes a `lost` record at the next Open. Room for its end is
//           reserved at Begin, so a request that may start can always be recorded.
// Errors:   kResourceExhausted (no room on disk, or the queue is full: refuse new work, retry later; heals by itself) ·
//           kUnavailable (closed) · kInvalidArgument (size). The process stops on EIO or a failed fsync (ADR 0004).
//           A refused Begin leaves no trace: its seq counts as not given and may be given again.
// Threads:  Begin, Finish and Append from any thread; callbacks run on the ledger's thread, or for a refusal on the caller's
//           before the call returns, and must be quick and not wait for the ledger. Reads from any.
// Cost:     one fdatasync a group (it waits 0..2 ms for company), one Ed25519 signature a group, about 2 SHA-256 a leaf.
// Source:   RFC 6962 §2.1 (hashes), C2SP tlog-tiles, tlog-checkpoint, signed-note (layout); docs/formats/ledger.md,
//           docs/formats/receipt.md.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/rng.h"
#include "io/file.h"
#include "record/audit_record.h"

namespace beleg::ledger {

struct LedgerOptions {
  std::string dir;
  std::string
      origin;  // at inception; "": "beleg-" and 16 random hex digits. Later it must be "" or the same.
  std::chrono::microseconds group_interval{1600};  // the most that a group waits for company
  std::chrono::milliseconds checkpoint_interval{1000};
  size_t queue_count_max = 8192;
  size_t queue_bytes_max = 64 << 20;
  uint64_t wal_segment_bytes = 16 << 20;  // at least 512 KiB
  size_t unpublished_bytes_max =
      64 << 20;  // more leaves than that wait for their tiles: Begin and Append refuse
  uint64_t index_block_leaves = 65'536;  // leaves of one file of the request-id index; a multiple of 256
  uint64_t free_bytes_min = 64 << 20;    // below this much room on disk Begin and Append refuse
  bool compress_closed_days = false;     // full bundles whose day (UTC) is over, in the background (ADR 0010)
  // Called once when the state of the disk is unknown (EIO, failed fsync), before anybody who waits hears of it. Empty: says so and
  // ends the process, as ADR 0004 wants; a test's function may return, then everything that waits fails with kUnavailable.
  std::function<void(const Error&)> on_fatal;
  int64_t resolved_within_us = 600'000'000;  // promise in begin receipts: the record exists by then
  io::FileSystem* fs = nullptr;              // null: the real one
  const Clock* clock = nullptr;              // null: the real one
  Rng* rng = nullptr;                        // null: the real one
  MetricRegistry* metrics = nullptr;         // null: none
};

// A begun request, as its begin frame says.
struct BeginFrame {
  record::RequestIdentity id;
  RequestId request_id;
  int64_t start_us = 0;
};

struct BeginReceipt {
  std::string header;  // value of Audit-Begin; docs/formats/receipt.md
};

struct FinishReceipt {
  uint64_t index = 0;
  Hash32 leaf_hash{};
  std::string header;  // value of Audit-Finish, without the secret; AppendSecret adds it
};

// A finish receipt for the client that made the request: with the record's secret.
std::string WithSecret(const FinishReceipt& receipt, const Hash32& secret);

using BeginCallback = std::function<void(Result<BeginReceipt>)>;
using FinishCallback = std::function<void(Result<FinishReceipt>)>;

struct Leaf {
  uint64_t index = 0;
  std::string bytes;
};

// A log file for readers over HTTP.
struct Resource {
  std::string bytes;
  std::string content_type;
  bool immutable = false;  // cache for ever
};

class Ledger {
 public:
  // Opens or makes the log: locks the folder, makes the key at inception (file 0600), recovers. One writer: a second Open fails
  // with kFailedPrecondition. Lost records are written by BeginBoot, which knows the boot.
  static Result<std::unique_ptr<Ledger>> Open(LedgerOptions options);
  virtual ~Ledger() = default;  // Close

  virtual const std::string& origin() const = 0;
  virtual const std::string& vkey() const = 0;  // signed-note verifier key
  virtual const std::string& host() const = 0;  // the host's pseudonym

  // First act of a process: appends the boot record (its previous_boot, previous_clean and lost_requests are filled in here), then
  // a key record at inception, then a lost record for each begun request without an end. Waits until all are durable; returns the
  // boot record's index.
  virtual Result<uint64_t> BeginBoot(const BootId& boot, record::Boot body) = 0;

  // After BeginBoot. frame.id.seq is not open in this boot, its caller at most 1,024 bytes (CHECK).
  virtual void Begin(const BeginFrame& frame, BeginCallback done) = 0;
  // The end of a begun request: a Request record of at most record::kRecordBytesMax (CHECK). May come before Begin is answered;
  // kFailedPrecondition when the seq is not open: its begin was refused, or it has ended.
  virtual void Finish(uint64_t seq, std::string leaf, FinishCallback done) = 0;
  // Any other record.
  virtual void Append(std::string leaf, FinishCallback done) = 0;
  // Append and wait.
  virtual Result<FinishReceipt> AppendAndWait(std::string leaf) = 0;

  // Requests begun and not ended: how many, and the digest that heartbeats carry (record::Heartbeat).
  // A call of Begin or Finish counts at once, before it is durable.
  struct OpenSet {
    int64_t count = 0;
    uint64_t highest_seq = 0;
    Hash32 digest{};
  };
  virtual OpenSet open_set() const = 0;

  // Leaves acknowledged so far.
  virtual uint64_t durable_size() const = 0;
  // Waits until size leaves are durable, Close, or the time is over; returns durable_size.
  virtual uint64_t WaitForSize(uint64_t size, std::chrono::milliseconds limit) = 0;
  // Durable leaves [first, first + count_max), cut at bytes_max (at least one).
  virtual Result<std::vector<Leaf>> Read(uint64_t first, size_t count_max, size_t bytes_max) = 0;
  // Waits until the signed checkpoint covers size leaves by itself, Close, or the time is over; returns what it covers.
  virtual uint64_t WaitForCheckpoint(uint64_t size, std::chrono::milliseconds limit) = 0;
  // Makes the signed checkpoint cover at least size leaves now, and waits for it. Returns the checkpoint's size. At most some tens
  // a second are made however often it is called.
  virtual Result<uint64_t> CheckpointAtLeast(uint64_t size, std::chrono::milliseconds limit) = 0;

  // Leaf index of a request's record (Request, Refused or Lost). kNotFound; kUnavailable while it runs.
  virtual Result<uint64_t> FindRequest(const RequestId& id) = 0;
  // The finish receipt of a leaf once more, signed alone and without secret. kNotFound: the log has no such leaf.
  virtual Result<FinishReceipt> ReceiptOf(uint64_t index) = 0;
  // C2SP tlog-proof of a leaf against the newest checkpoint (waits for one that covers it).
  virtual Result<std::string> Proof(uint64_t index) = 0;
  // "checkpoint", "tile/…", "keys/…": kNotFound when there is no such file, kInvalidArgument when the path is none of C2SP's.
  virtual Result<Resource> ReadResource(std::string_view path) = 0;

  // Ok, or why new work is refused.
  virtual Result<void> Health() const = 0;

  // Before a stop that waits for open requests: from here on an end that cannot be written for want of room fails at once instead of
  // waiting for it, and becomes a `lost` record at the next Open.
  virtual void StopWaitingForRoom() = 0;
  // Ends the groups in flight, integrates and signs everything, closes. Later calls fail with kUnavailable.
  virtual void Close() = 0;
};

}  // namespace beleg::ledger
