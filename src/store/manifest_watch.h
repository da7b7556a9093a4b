// ManifestWatch: the origin manifest that is in force. Its file is read again when it changes, and each change is put on record in the
// audit host's own log before it counts.
//
// Shape:   the file is looked at each interval, by its content, so it may be edited in place or replaced.
// Order:   records, then the copy of what is on record, then it is in force. What the log took of a change that it did not take whole is
//          followed by the rest, or by its opposite when the file of before is put back. A process that ends between record and copy says
//          the change twice, never not at all; but when the file is put back before the next start, its record stays without an opposite.
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
#include "record/audit_sink.h"
#include "store/disk_trust.h"
#include "store/origin_manifest.h"

namespace beleg::store {

struct ManifestWatchOptions {
  std::string path{};         // the operator's file; "": none, so any log may be mirrored and none must be
  std::string recorded_path;  // the file that is on record, to compare with at the next start
  record::AuditSink* log = nullptr;  // null: nothing is put on record
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
  struct File {
    std::string text;
    OriginManifest manifest;
  };
  explicit ManifestWatch(ManifestWatchOptions options)
      : options_(std::move(options)), disk_(options_.on_fatal) {}
  Result<void> Start();
  void Run(std::stop_token stop);
  Result<File> Read(const std::string& path) const;
  Result<void> TakeOver(const File& file) REQUIRES(look_mutex_);
  Result<void> Keep(const File& file) REQUIRES(look_mutex_);
  void Tell(const std::string& problem);

  ManifestWatchOptions options_;
  DiskTrust disk_;
  Mutex look_mutex_;                                 // one look at a time; taken before mutex_
  std::string text_ GUARDED_BY(look_mutex_);         // of what is in force
  OriginManifest recorded_ GUARDED_BY(look_mutex_);  // what the log says
  std::string suspected_ GUARDED_BY(look_mutex_);    // what was wrong at the last look

  mutable Mutex mutex_;
  CondVar stop_;
  std::optional<OriginManifest> manifest_ GUARDED_BY(mutex_);
  std::string problem_ GUARDED_BY(mutex_);
  Thread thread_;  // last: it uses all of the above
};

}  // namespace beleg::store
