// ManifestWatch: the origin manifest that is in force. Its file is read again when it changes, and each change is put on record in the
// audit host's own log before it counts.
//
// Shape:   the file is looked at each interval, by its content, so it may be edited in place or replaced.
// Order:   on record, then in force. What the log took of a change that it did not take whole, or before the process ended, is followed
//          by the rest, or by its opposite when the file of before is put back: nothing twice (recorded_manifest.h).
// Errors:  a file that is wrong, gone, or whose change the log does not take leaves the manifest of before in force: a finding, told in
//          the log and as beleg_manifest_ok 0. At Open it is an error.
// Threads: one of its own; Findings and Look from any.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "io/file.h"
#include "record/audit_log.h"
#include "store/disk_trust.h"
#include "store/origin_manifest.h"
#include "store/recorded_manifest.h"

namespace beleg::store {

struct ManifestWatchOptions {
  std::string path{};         // the operator's file; "": none, so any log may be mirrored and none must be
  std::string recorded_path;  // what is on record (recorded_manifest.h)
  record::AuditLog* log = nullptr;  // null: nothing is put on record
  std::chrono::milliseconds interval{1'000};
  MetricRegistry* metrics = nullptr;
  io::FileSystem* fs = nullptr;
  DiskFailure on_fatal{};
};

class ManifestWatch {
 public:
  // kInvalidArgument names file and member. What differs from what is on record is put there.
  static Result<std::unique_ptr<ManifestWatch>> Open(ManifestWatchOptions options);
  ~ManifestWatch() { Stop(); }

  // What is wrong with these logs and with the manifest.
  std::vector<LedgerFinding> Findings(const std::vector<MirrorState>& mirrors, int64_t now_unix_us) const;

  // Reads the file now. One that is wrong is told when it is so in two looks: an editor may be in the middle of it.
  void Look();
  void Stop();

 private:
  explicit ManifestWatch(ManifestWatchOptions options)
      : options_(std::move(options)), disk_(options_.on_fatal) {}
  Result<void> Start();
  void Run(std::stop_token stop);
  Result<OriginManifest> ReadFile() const;
  Result<void> TakeOver(const OriginManifest& manifest) REQUIRES(look_mutex_);
  Result<void> PutOnRecord(const OriginManifest& manifest) REQUIRES(look_mutex_);
  Result<void> Keep() REQUIRES(look_mutex_);
  void Tell(const std::string& problem);

  ManifestWatchOptions options_;
  DiskTrust disk_;
  Mutex look_mutex_;  // one look at a time; taken before mutex_
  std::unique_ptr<RecordedManifest> recorded_ GUARDED_BY(look_mutex_);  // null: there is no log
  std::string suspected_ GUARDED_BY(look_mutex_);                       // what was wrong at the last look

  mutable Mutex mutex_;
  CondVar stop_;
  std::optional<OriginManifest> manifest_ GUARDED_BY(mutex_);
  std::string problem_ GUARDED_BY(mutex_);
  Thread thread_;  // last: it uses all of the above
};

}  // namespace beleg::store
