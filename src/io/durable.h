// Writes that survive a power cut. With file.cc's File::Sync this is the only caller of fsync.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "io/file.h"

namespace beleg::io {

// Where WriteFileDurably writes first; a crash may leave it.
std::string TemporaryOf(const std::string& path);

// Makes path hold exactly bytes, or leaves what was there: temporary file beside it, write, sync, rename, sync the folder. After an
// error of that last step the new bytes are there, and a power cut may bring the old ones back.
Result<void> WriteFileDurably(FileSystem& fs, const std::string& path, std::string_view bytes,
                              int permissions = 0644);

// The same for several files at once: every file is synced before the first rename, every folder once at the end. After an error some
// files may have been replaced, each as a whole.
struct FileContent {
  std::string path;
  std::string_view bytes;
};
Result<void> WriteFilesDurably(FileSystem& fs, std::span<const FileContent> files, int permissions = 0644);

// Reserves blocks like File::Allocate and writes zeros to them, durably: a later Sync of what is put there writes data alone. For a
// block that is only reserved it also writes the file system's records, and with them what it has to write of other files.
// Cost: writing size bytes, synced in portions, so that who shares the disk waits for one of them at most.
Result<void> AllocateZeros(File& file, uint64_t offset, uint64_t size);

// Makes folders durable too: creates what is missing and syncs each parent up to the root, since a process that made one of them
// may have died before it did. A parent that we may not read is not ours, and left alone. For a start, not for each file.
Result<void> MakeFoldersDurably(FileSystem& fs, const std::string& folder, int permissions = 0755);

// The same below a root, for many files. A folder that is there may still be lost in a power cut, if the process that made it
// died before it synced the parent: so each parent is synced once in this object's life, whoever made the folder.
// Threads: one.
class DurableFolders {
 public:
  // root: is there and durable.
  DurableFolders(FileSystem& fs, std::string root) : fs_(fs), known_{std::move(root)} {}
  // folder: below the root (CHECK).
  Result<void> Make(const std::string& folder);
  // It was removed.
  void Forget(const std::string& folder) { known_.erase(folder); }

 private:
  FileSystem& fs_;
  std::set<std::string> known_;
};

// The folder that a path stands in.
std::string ParentOf(const std::string& path);

}  // namespace beleg::io
