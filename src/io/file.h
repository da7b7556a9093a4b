// Files and folders behind an interface, so that a simulated disk can stand in for the real one.
//
// Errors: kNotFound, kAlreadyExists, kPermissionDenied, kResourceExhausted (no space, quota, too many files),
//         kDataLoss (EIO, failed sync: the device failed), kFailedPrecondition (locked by another process), kInternal (anything else).
//         Every message names the path and the system's own words.
// Threads: a File is used by one thread at a time, except ReadAt, which any number may call beside one writer.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace beleg::io {

class File {
 public:
  virtual ~File() = default;  // closes

  // Up to size bytes from offset; fewer only at the end of the file.
  virtual Result<std::string> ReadAt(uint64_t offset, size_t size) = 0;
  // All of bytes at offset, or an error (then an unknown part may be written).
  virtual Result<void> WriteAt(uint64_t offset, std::string_view bytes) = 0;
  virtual Result<uint64_t> Size() = 0;
  virtual Result<void> Truncate(uint64_t size) = 0;
  // Reserves disk blocks for [offset, offset + size): a later write there cannot fail for want of room. The file grows to
  // that size, the new bytes are zeros.
  virtual Result<void> Allocate(uint64_t offset, uint64_t size) = 0;
  // fdatasync. kDataLoss whatever the system's reason was: the page cache may claim to be clean now, so nobody knows what is on
  // disk, and the file must not be used again (ADR 0004).
  virtual Result<void> Sync() = 0;
  virtual const std::string& path() const = 0;
};

// An exclusive lock on a folder, held until destroyed or the process ends.
class FolderLock {
 public:
  virtual ~FolderLock() = default;
};

enum class OpenMode {
  kRead,       // must exist
  kReadWrite,  // made when missing
  kCreate,     // must not exist
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode,
                                             int permissions = 0644) = 0;
  virtual Result<void> Rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> Remove(const std::string& path) = 0;          // a file; kNotFound when missing
  virtual Result<void> RemoveFolder(const std::string& folder) = 0;  // an empty one; kNotFound when missing
  // Names (not paths) in a folder, sorted.
  virtual Result<std::vector<std::string>> List(const std::string& folder) = 0;
  // The folder and its parents; existing ones are fine.
  virtual Result<void> MakeFolders(const std::string& folder, int permissions = 0755) = 0;
  // Makes creations, renames and removals in this folder survive a power cut. kDataLoss as for File::Sync; else why the folder cannot be
  // opened (kNotFound, kPermissionDenied, kResourceExhausted for too many open files): nothing was synced, and a later call may work.
  virtual Result<void> SyncFolder(const std::string& folder) = 0;
  virtual Result<bool> Exists(const std::string& path) = 0;
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;
  // kFailedPrecondition names the folder and, when known, the process that holds it.
  virtual Result<std::unique_ptr<FolderLock>> Lock(const std::string& folder) = 0;
};

// The real one. Stateless, never destroyed before its users.
FileSystem& PosixFileSystem();

// A whole file. kResourceExhausted when it is larger than size_max.
Result<std::string> ReadFile(FileSystem& fs, const std::string& path, size_t size_max = 1 << 30);

}  // namespace beleg::io
