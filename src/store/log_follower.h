// LogFollower: how the copy of one log grows. What the log signs is judged by what is here; what continues it is fetched, checked
// against the signed root, synced and cosigned; what contradicts it is kept as evidence, and from then on nothing is taken over.
//
// Order:   entries and full tiles, then what is partial, then the checkpoint, then its place in the archive. A cosignature leaves this
//          host only after all that it covers is durable.
// Errors:  kDataLoss: what is served is not what was signed · kFailedPrecondition: the log was rewritten or shrank · kUnavailable: the
//          disk failed (disk_trust.h), or the log's host does not answer · kCancelled.
// Threads: one; copy() is for any.
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "net/http.h"
#include "store/disk_trust.h"
#include "store/ledger_client.h"
#include "store/mirror_copy.h"
#include "store/mirror_keys.h"
#include "witness/checkpoint_archive.h"
#include "witness/cosigner.h"
#include "witness/submission.h"

namespace beleg::store {

// What it stands on; all outlive it.
struct LogFollowerOptions {
  io::FileSystem* fs = nullptr;
  const Clock* clock = nullptr;
  DiskTrust* disk = nullptr;
  LedgerClient* client = nullptr;
  const witness::Cosigner* cosigner = nullptr;  // null: nothing is cosigned
};

class LogFollower {
 public:
  // The copy below `dir` of the log that this key signs; made when there is none. `url` is kept beside it.
  static Result<std::unique_ptr<LogFollower>> Open(LogFollowerOptions options, const std::string& dir,
                                                   const std::string& vkey, const std::string& url);

  MirrorCopy& copy() { return *copy_; }
  const std::vector<verify::VerifierKey>& keys() const { return keys_.list(); }
  int64_t cosigned_unix_s() const { return cosigned_unix_s_; }  // of the kept checkpoint; 0: never

  // Ok, or why this log is not followed: the disk failed, or it diverged.
  Result<void> Check() const;
  // Asks for the newest checkpoint and takes over what it covers.
  Result<void> Poll(const std::stop_token& stop);
  // The answer of C2SP tlog-witness to one that was submitted, after what it covers is taken over; 503 while that cannot be.
  net::HttpResponse Judge(const witness::Submission& submission, const std::stop_token& stop);

 private:
  LogFollower(LogFollowerOptions options, std::string url, std::unique_ptr<MirrorCopy> copy, MirrorKeys keys);
  Result<verify::Checkpoint> OpenCheckpoint(const std::string& note);
  Result<void> Advance(const verify::Checkpoint& checkpoint, const std::string& note,
                       const std::stop_token& stop);
  Result<LogEdge> FetchUpTo(const verify::Checkpoint& checkpoint, const std::stop_token& stop);
  Result<void> Explain(const verify::Checkpoint& checkpoint, const std::string& note, Error error);
  Result<void> Diverge(const verify::Checkpoint& checkpoint, const std::string& note, const std::string& why);
  Result<void> Keep(LogEdge grown, const verify::Checkpoint& checkpoint, const std::string& note);
  verify::TileSource Source() const;
  int64_t NowSeconds() const { return options_.clock->UnixMicros() / 1'000'000; }

  const LogFollowerOptions options_;
  const std::string url_;
  const std::unique_ptr<MirrorCopy> copy_;
  MirrorKeys keys_;
  witness::CheckpointArchive archive_;
  int64_t cosigned_unix_s_ = 0;
};

// 503 for who submitted a checkpoint.
net::HttpResponse TryLater(std::string_view why);

}  // namespace beleg::store
