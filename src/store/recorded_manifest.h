// RecordedManifest: the origin manifest as the audit host's own log says it. The log is what counts; a file keeps what it said up to
// some leaf, so that a start need not read it from its beginning.
//
// Shape:   each change of one log is a `config` record (ChangesOf); the file is a manifest with two members more: "log", the origin of
//          the log, and "leaves", how many of it were read. One that is of another log, or says more leaves than there are, is passed over.
// Order:   whatever ends the process, the next CatchUp knows what is on record: nothing is said twice, nothing stays without its opposite.
// Errors:  those of the log · Keep: those of the disk. A change in the log that cannot be read is told and passed over.
// Threads: one at a time.
// Source:  docs/formats/witness.md, "Which logs must be there".
#pragma once

#include <memory>
#include <string>

#include "io/file.h"
#include "record/audit_log.h"
#include "store/origin_manifest.h"

namespace beleg::store {

class RecordedManifest {
 public:
  // kInvalidArgument names the file when it is damaged. fs and log outlive it.
  static Result<std::unique_ptr<RecordedManifest>> Open(io::FileSystem& fs, std::string path,
                                                        record::AuditLog& log);

  // Reads what the log took since.
  Result<void> CatchUp();
  // As of the last CatchUp.
  const OriginManifest& manifest() const { return manifest_; }
  // Puts on record what leads from there to this one. What the log took before an error stays on record.
  Result<void> ChangeTo(const OriginManifest& manifest);
  // Writes the file, durably. It only saves time.
  Result<void> Keep() const;

 private:
  RecordedManifest(io::FileSystem& fs, std::string path, record::AuditLog& log)
      : fs_(fs), path_(std::move(path)), log_(log) {}
  Result<void> Load();

  io::FileSystem& fs_;
  const std::string path_;
  record::AuditLog& log_;
  OriginManifest manifest_;
  uint64_t leaves_ = 0;  // of the log that manifest_ has
};

}  // namespace beleg::store
