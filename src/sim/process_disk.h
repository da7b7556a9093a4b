// The disk as one process of the simulation sees it: each call that changes something may first let another of its threads do
// something, and may be left out by a mutation; reads may fail.
//
// Threads: one; what `before` does may call in again.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/simulated_disk.h"

namespace beleg::sim {

class ProcessDisk final : public io::FileSystem {
 public:
  // Called before each call that changes the disk (numbered 0: it may not come to be). False: leave it out and say that it worked.
  using Before = std::function<bool(const io::DiskCall&)>;
  // Called before each read of a file's bytes; an error is what the read gives.
  using BeforeRead = std::function<Result<void>(std::string_view path)>;
  ProcessDisk(io::FileSystem& disk, Before before, BeforeRead before_read)
      : disk_(disk), before_(std::move(before)), before_read_(std::move(before_read)) {}

  Result<std::unique_ptr<io::File>> Open(const std::string& path, io::OpenMode mode,
                                         int permissions) override;
  Result<void> Rename(const std::string& from, const std::string& to) override;
  Result<void> Remove(const std::string& path) override;
  Result<void> RemoveFolder(const std::string& folder) override;
  Result<std::vector<std::string>> List(const std::string& folder) override { return disk_.List(folder); }
  Result<void> MakeFolders(const std::string& folder, int permissions) override;
  Result<void> SyncFolder(const std::string& folder) override;
  Result<bool> Exists(const std::string& path) override { return disk_.Exists(path); }
  Result<uint64_t> FreeBytes(const std::string& path) override { return disk_.FreeBytes(path); }
  Result<std::unique_ptr<io::FolderLock>> Lock(const std::string& folder) override {
    return disk_.Lock(folder);
  }

 private:
  bool Goes(io::DiskAct act, std::string_view path) { return before_({0, act, path}); }

  io::FileSystem& disk_;
  const Before before_;
  const BeforeRead before_read_;
};

}  // namespace beleg::sim
