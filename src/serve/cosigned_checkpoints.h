// CosignedCheckpoints: the cosignatures that witnesses gave for our checkpoints, and the newest checkpoint that has enough of them.
//
// Shape:   notes as the ledger publishes them go in with a cosignature line; the same note with all its lines comes out. The last 16
//          sizes are known. DIR/checkpoint is Newest(), at most 10 s behind; DIR/archive has older ones, thinned
//          (docs/formats/witness.md).
// Errors:  a disk that is full or fails is told in the log and delays nothing: a witness gives its cosignature again.
// Threads: any.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "io/file.h"
#include "verify/note.h"
#include "witness/checkpoint_archive.h"

namespace beleg::serve {

class CosignedCheckpoints {
 public:
  struct Options {
    std::string dir;
    size_t quorum = 1;  // cosignatures that Newest wants, at least 1
    io::FileSystem* fs = nullptr;
    const Clock* clock = nullptr;
  };
  // Reads what was kept. kDataLoss when that is no checkpoint.
  static Result<std::unique_ptr<CosignedCheckpoints>> Open(Options options);
  ~CosignedCheckpoints();  // writes what is newer than the file

  // A checked cosignature of that checkpoint; it replaces an older one of the same cosigner.
  void Add(const std::string& note, uint64_t size, const verify::VerifierKey& cosigner,
           const std::string& line);
  // The note with the cosignatures that are known for it.
  std::string Decorate(const std::string& note) const;
  // The newest checkpoint with a quorum, with all its lines; "" while there is none.
  std::string Newest() const;

 private:
  struct Entry {
    std::string note;
    std::map<std::string, std::string> lines;  // by cosigner: name and key id
    std::string Whole() const;
  };
  explicit CosignedCheckpoints(Options options);
  Result<void> Restore();
  void Save(bool now);

  const Options options_;
  mutable Mutex mutex_;
  std::map<uint64_t, Entry> entries_ GUARDED_BY(mutex_);  // by size
  uint64_t newest_size_ GUARDED_BY(mutex_) = 0;
  std::string newest_ GUARDED_BY(mutex_);

  Mutex save_mutex_;  // one write at a time; taken before mutex_
  std::string saved_ GUARDED_BY(save_mutex_);
  int64_t saved_mono_us_ GUARDED_BY(save_mutex_) = 0;
  witness::CheckpointArchive archive_ GUARDED_BY(save_mutex_);
};

}  // namespace beleg::serve
