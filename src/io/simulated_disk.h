// A disk in memory for tests: it forgets in a power cut what was not synced, tears writes, fails on command, lies after a failed sync.
//
// Model:   what a process reads is the page cache. A power cut keeps what was synced and of the rest a part that chance picks: each
//          write whole, cut off, or not at all; each creation, rename and removal or not (a folder remembers them until it is
//          synced). After a failed Sync of a file the cache counts as clean: a later Sync does not write those bytes again. (A
//          folder's changes stay: file systems keep them in a journal, which is whole or aborted.)
// Threads: any, one call at a time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/rng.h"
#include "io/file.h"

namespace beleg::io {

class SimulatedDisk final : public FileSystem {
 public:
  explicit SimulatedDisk(uint64_t seed) : rng_(seed) {}

  // Asked before each call that changes the disk, with its number from 1 on; an error is what the call gives, and it has no effect
  // (a write may have a partial one).
  using Fault = std::function<Result<void>(uint64_t call)>;
  void SetFault(Fault fault);
  uint64_t calls() const;

  // The process dies: locks go, the page cache stays.
  void Kill();
  // The machine dies: see Model.
  void CutPower();

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode, int permissions) override;
  Result<void> Rename(const std::string& from, const std::string& to) override;
  Result<void> Remove(const std::string& path) override;
  Result<void> RemoveFolder(const std::string& folder) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  Result<void> MakeFolders(const std::string& folder, int permissions) override;
  Result<void> SyncFolder(const std::string& folder) override;
  Result<bool> Exists(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;
  Result<std::unique_ptr<FolderLock>> Lock(const std::string& folder) override;

 private:
  friend class SimulatedFile;
  friend class SimulatedLock;

  // One change of a file's bytes that is not synced. A size change has no bytes.
  struct Change {
    uint64_t offset = 0;
    std::string bytes;
    std::optional<uint64_t> size;
  };
  struct Inode {
    std::string cached;  // what processes see
    std::string durable;
    std::vector<Change> pending;
  };
  using Entry = std::shared_ptr<
      Inode>;  // null: a folder. Shared by names, open files, and names that are not durable yet
  // One change of names in a folder. gone: the name that goes, made: the name that comes.
  struct NameChange {
    std::string gone, made;
    Entry entry;
  };

  Result<void> Ask(std::string_view act, const std::string& path) REQUIRES(mutex_);
  Result<void> NeedParent(const std::string& path) REQUIRES(mutex_);
  void ChangeNames(const std::string& folder, NameChange change) REQUIRES(mutex_);
  static void Apply(std::map<std::string, Entry>& names, const NameChange& change);
  static void Apply(std::string& bytes, const Change& change);
  void CutFile(Inode& inode) REQUIRES(mutex_);
  uint64_t Below(uint64_t limit) REQUIRES(mutex_) { return rng_.Next() % limit; }

  mutable Mutex mutex_;
  SeededRng rng_ GUARDED_BY(mutex_);
  Fault fault_ GUARDED_BY(mutex_);
  uint64_t calls_ GUARDED_BY(mutex_) = 0;
  uint64_t epoch_ GUARDED_BY(mutex_) = 0;  // files opened before the last Kill are dead
  std::map<std::string, Entry> names_ GUARDED_BY(mutex_);
  std::map<std::string, Entry> durable_names_ GUARDED_BY(mutex_);
  std::map<std::string, std::vector<NameChange>> pending_names_ GUARDED_BY(mutex_);  // by folder
  std::set<std::string> locks_ GUARDED_BY(mutex_);
};

}  // namespace beleg::io
