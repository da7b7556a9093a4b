// MirrorCopy: this host's own copy of one log, in the layout of C2SP tlog-tiles, with the key that it was pinned to.
//
// Shape:   DIR/{checkpoint,tile/…} as the log serves them, the checkpoint with this mirror's cosignature; DIR/vkey the pinned key;
//          DIR/url where it came from; DIR/diverged/ holds every checkpoint that contradicts this copy (evidence; an operator
//          removes it). Entry bundles may lie compressed there (bundle/stored.h); what is given is plain.
// Order:   files first, each durable, the checkpoint last: what it covers is all there.
// Errors:  kDataLoss: a file of the copy is damaged (names it) · the file system's own.
// Threads: Advance, Grow and the like by one thread; readers any.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "io/durable.h"
#include "io/file.h"
#include "store/log_edge.h"
#include "verify/key_chain.h"
#include "verify/note.h"
#include "verify/tiles.h"

namespace beleg::store {

class MirrorCopy {
 public:
  // Opens or makes the folder and locks it; reads the whole copy and checks it against its checkpoint. Tiles that are missing or
  // damaged are made again from the entries. kFailedPrecondition: the folder is pinned to another key.
  static Result<std::unique_ptr<MirrorCopy>> Open(io::FileSystem& fs, const std::string& dir,
                                                  const std::string& vkey, const std::string& url,
                                                  const verify::VerifierKey* cosigner = nullptr);

  const std::string& dir() const { return dir_; }
  // When the checkpoint that Open found was cosigned by the key that Open was given; 0: never.
  int64_t cosigned_unix_s() const { return cosigned_unix_s_; }
  const std::string& vkey() const { return vkey_; }
  const verify::VerifierKey& key() const { return key_; }
  // The pinned key, and those that the log changed to since, as far as keys/ here shows it (verify/key_chain.h).
  Result<std::vector<verify::VerifierKey>> Keys() const { return verify::FollowKeys(Source(), key_); }
  // The newest checkpoint that was kept; size 0 before the first.
  verify::Checkpoint checkpoint() const;
  // To grow from; belongs to the growing thread.
  const LogEdge& edge() const { return edge_; }

  // Durable on return. Any error but kResourceExhausted leaves the disk's state unknown.
  Result<void> Write(const std::vector<LogEdge::File>& files);
  // Keeps a checkpoint whose root is grown.Root(), whose full files are written: writes the others, then it.
  Result<void> Accept(LogEdge grown, const verify::Checkpoint& checkpoint, std::string_view note);
  // Keeps a checkpoint that contradicts the copy, and says for ever that the log diverged.
  Result<void> KeepContradiction(const verify::Checkpoint& checkpoint, std::string_view note,
                                 std::string_view why);
  // "" or why, as KeepContradiction was told.
  const std::string& divergence() const { return divergence_; }

  // Entries [first, first + count), checked against the checkpoint.
  Result<std::vector<std::string>> Entries(uint64_t first, uint64_t count);
  Result<std::string> Proof(uint64_t index);
  // "checkpoint", "tile/…", "keys/…"; kNotFound.
  Result<std::string> ReadResource(std::string_view path) const;

 private:
  MirrorCopy(io::FileSystem& fs, std::string dir, std::string vkey, verify::VerifierKey key,
             std::unique_ptr<io::FolderLock> lock)
      : fs_(fs),
        dir_(std::move(dir)),
        vkey_(std::move(vkey)),
        key_(std::move(key)),
        lock_(std::move(lock)),
        folders_(fs, dir_) {}
  Result<void> Load(const verify::VerifierKey* cosigner);
  Result<void> Rebuild(const verify::Checkpoint& checkpoint);
  Result<void> Repair(const std::vector<LogEdge::File>& files);
  void RemoveStale(const std::vector<LogEdge::File>& old_partial);
  void RemoveFolder(const std::string& folder);
  verify::TileSource Source() const;

  io::FileSystem& fs_;
  const std::string dir_;
  const std::string vkey_;
  const verify::VerifierKey key_;
  const std::unique_ptr<io::FolderLock> lock_;
  io::DurableFolders folders_;
  LogEdge edge_;
  std::string divergence_;
  int64_t cosigned_unix_s_ = 0;
  mutable Mutex mutex_;  // a reader's files stay until it is done
  verify::Checkpoint checkpoint_ GUARDED_BY(mutex_);
  std::string note_ GUARDED_BY(mutex_);
};

// The folder's name for an origin: what is no letter, digit, '-', '_' or inner '.' stands as %XX.
std::string FolderOf(std::string_view origin);

}  // namespace beleg::store
