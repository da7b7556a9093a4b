#include "io/durable.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/check.h"

namespace beleg::io {
namespace {

constexpr uint64_t kZerosBytes = 1 << 20;

// Made anew each time: a leftover of a crash may have other permissions, or be longer.
Result<void> WriteTemporary(FileSystem& fs, const FileContent& content, int permissions) {
  const std::string temporary = TemporaryOf(content.path);
  auto removed = fs.Remove(temporary);
  if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  TRY_ASSIGN(auto file, fs.Open(temporary, OpenMode::kCreate, permissions));
  TRY(file->WriteAt(0, content.bytes));
  return file->Sync();
}

Result<void> WriteAndRename(FileSystem& fs, std::span<const FileContent> files, int permissions) {
  for (const FileContent& content : files) TRY(WriteTemporary(fs, content, permissions));
  for (const FileContent& content : files) TRY(fs.Rename(TemporaryOf(content.path), content.path));
  return {};
}

}  // namespace

Result<void> WriteFilesDurably(FileSystem& fs, std::span<const FileContent> files, int permissions) {
  std::set<std::string> folders;
  for (const FileContent& content : files) folders.insert(ParentOf(content.path));
  if (auto written = WriteAndRename(fs, files, permissions); !written) {
    for (const FileContent& content : files) std::ignore = fs.Remove(TemporaryOf(content.path));
    return written;  // the first error is the one to tell
  }
  for (const std::string& folder : folders) TRY(fs.SyncFolder(folder));
  return {};
}

std::string TemporaryOf(const std::string& path) { return path + ".tmp"; }

Result<void> WriteFileDurably(FileSystem& fs, const std::string& path, std::string_view bytes,
                              int permissions) {
  const FileContent content{path, bytes};
  return WriteFilesDurably(fs, {&content, 1}, permissions);
}

Result<void> AllocateZeros(File& file, uint64_t offset, uint64_t size) {
  TRY(file.Allocate(offset, size));  // all of it, so that want of room is found before anything is written
  const std::string zeros(std::min(size, kZerosBytes), '\0');
  for (uint64_t at = 0; at < size; at += zeros.size()) {
    TRY(file.WriteAt(offset + at, std::string_view(zeros).substr(0, size - at)));
    TRY(file.Sync());
  }
  return {};
}

Result<void> MakeFoldersDurably(FileSystem& fs, const std::string& folder, int permissions) {
  const std::string parent = ParentOf(folder);
  if (parent == folder) return {};
  TRY(MakeFoldersDurably(fs, parent, permissions));
  TRY_ASSIGN(bool exists, fs.Exists(folder));
  if (!exists) TRY(fs.MakeFolders(folder, permissions));
  auto synced = fs.SyncFolder(parent);
  const bool is_ours = !exists || synced || synced.error().code != ErrorCode::kPermissionDenied;
  return is_ours ? synced : Result<void>();
}

Result<void> DurableFolders::Make(const std::string& folder) {
  if (known_.contains(folder)) return {};
  const std::string parent = ParentOf(folder);
  CHECK(parent != folder && parent != ".", "the folder is below the root");
  TRY(Make(parent));
  TRY(fs_.MakeFolders(folder));
  TRY(fs_.SyncFolder(parent));
  known_.insert(folder);
  return {};
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace beleg::io
