// A disk in memory for tests: it forgets in a power cut what was not synced, tears writes, fails on command, lies after a failed sync.
//
// Model:   what a process reads is the page cache. A power cut keeps what was synced and of the rest a part that chance picks: each
//          write whole, its front, some of its sectors or pages, or nothing; each creation, rename and removal or not (a folder remembers them
//          until it is synced). A failed Sync of a file writes such a part, and then the cache counts as clean: a later Sync does
//          not write the rest, though reads show it until the cache is read anew, which may be at any read. (A folder's changes
//          stay: file systems keep them in a journal, which is whole or aborted.)
// Room:    counts the bytes of files as processes see them; what is in a file that grew already never lacks room.
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
#include "io/sparse_bytes.h"

namespace beleg::io {

enum class DiskAct {
  kCreate,
  kWrite,
  kTruncate,
  kReserve,
  kSync,
  kRename,
  kRemove,
  kMakeFolder,
  kRemoveFolder,
  kSyncFolder,
};

// A call that changes the disk.
struct DiskCall {
  uint64_t number = 0;  // from 1 on
  DiskAct act = DiskAct::kWrite;
  std::string_view path;
};

class SimulatedDisk final : public FileSystem {
 public:
  explicit SimulatedDisk(uint64_t seed) : rng_(seed) {}

  // Asked before each call; an error is what the call gives, and it has no effect (a write may have that of its first sectors).
  using Fault = std::function<Result<void>(const DiskCall&)>;
  void SetFault(Fault fault);
  uint64_t calls() const;
  // From this call on nothing that the process does has an effect (the first write may have that of its first sectors), until Kill or CutPower.
  void KillAt(uint64_t call);
  bool is_dead() const;
  // nullopt: no limit.
  void SetCapacity(std::optional<uint64_t> bytes);
  uint64_t used_bytes() const;

  // The process dies: locks go, the page cache stays.
  void Kill();
  // The machine dies: see Model.
  void CutPower();
  // Every file by its path, as processes see it.
  std::map<std::string, SparseBytes> Contents() const;

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
    SparseBytes bytes;
    std::optional<uint64_t> size;
  };
  struct Inode {
    SparseBytes cached;  // what processes see
    SparseBytes durable;
    std::vector<Change> pending;
    bool cache_lies = false;  // a sync failed: cached has bytes that are neither durable nor pending
  };
  // null: a folder. Shared by names, open files, and names that are not durable yet.
  using Entry = std::shared_ptr<Inode>;
  // One change of names in a folder. gone: the name that goes, made: the name that comes.
  struct NameChange {
    std::string gone, made;
    Entry entry;
  };

  Result<void> Ask(DiskAct act, const std::string& path) REQUIRES(mutex_);
  Result<void> NeedParent(const std::string& path) REQUIRES(mutex_);
  Result<void> NeedRoom(const std::string& path, uint64_t bytes) REQUIRES(mutex_);
  uint64_t UsedBytes() const REQUIRES(mutex_);
  void ChangeNames(const std::string& folder, NameChange change) REQUIRES(mutex_);
  static void Apply(std::map<std::string, Entry>& names, const NameChange& change);
  static void Apply(SparseBytes& bytes, const Change& change);
  void ApplyPart(SparseBytes& bytes, const Change& change) REQUIRES(mutex_);
  void FailSync(Inode& inode) REQUIRES(mutex_);
  static void ReadAnew(Inode& inode);
  void CutNames() REQUIRES(mutex_);
  uint64_t Below(uint64_t limit) REQUIRES(mutex_) { return rng_.Next() % limit; }

  mutable Mutex mutex_;
  SeededRng rng_ GUARDED_BY(mutex_);
  Fault fault_ GUARDED_BY(mutex_);
  uint64_t calls_ GUARDED_BY(mutex_) = 0;
  uint64_t kill_at_ GUARDED_BY(mutex_) = UINT64_MAX;
  uint64_t epoch_ GUARDED_BY(mutex_) = 0;  // files opened before the last Kill are dead
  std::optional<uint64_t> capacity_ GUARDED_BY(mutex_);
  std::map<std::string, Entry> names_ GUARDED_BY(mutex_);
  std::map<std::string, Entry> durable_names_ GUARDED_BY(mutex_);
  std::map<std::string, std::vector<NameChange>> pending_names_ GUARDED_BY(mutex_);  // by folder
  std::set<std::string> locks_ GUARDED_BY(mutex_);
};

// Every call from this one on fails with kDataLoss; unlike KillAt, a sync that fails so loses what it should have kept.
SimulatedDisk::Fault FailsFrom(uint64_t call);

}  // namespace beleg::io
