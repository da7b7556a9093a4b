// For tests of what stands on files: a folder that goes away, and a disk that fails on command.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "io/file.h"

namespace beleg::io {

// A fresh folder under the system's temporary folder, removed with all its content.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

// Copies a folder with everything in it, as a crash at this moment would leave it (page cache included).
void CopyFolder(const std::string& from, const std::string& to);

// The calls that change a disk.
enum class FaultPoint {
  kOpen,
  kWrite,
  kTruncate,
  kAllocate,
  kSync,
  kRename,
  kRemove,
  kMakeFolders,
  kSyncFolder
};

// The real disk, except where `fault` gives an error: it is asked before each call with what it is about to do.
// Threads: set fault while no other thread uses the disk, or let it read atomics.
class FaultFileSystem final : public FileSystem {
 public:
  using Fault = std::function<Result<void>(FaultPoint point, const std::string& path)>;
  explicit FaultFileSystem(Fault fault, FileSystem& real = PosixFileSystem())
      : fault_(std::move(fault)), real_(real) {}

  // What FreeBytes says; negative: the truth.
  std::atomic<int64_t> free_bytes = -1;

  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode, int permissions) override;
  Result<void> Rename(const std::string& from, const std::string& to) override;
  Result<void> Remove(const std::string& path) override;
  Result<void> RemoveFolder(const std::string& folder) override;
  Result<std::vector<std::string>> List(const std::string& folder) override { return real_.List(folder); }
  Result<void> MakeFolders(const std::string& folder, int permissions) override;
  Result<void> SyncFolder(const std::string& folder) override;
  Result<bool> Exists(const std::string& path) override { return real_.Exists(path); }
  Result<uint64_t> FreeBytes(const std::string& path) override;
  Result<std::unique_ptr<FolderLock>> Lock(const std::string& folder) override { return real_.Lock(folder); }

 private:
  const Fault fault_;
  FileSystem& real_;
};

}  // namespace beleg::io
