#include "io/durable.h"

namespace beleg::io {
namespace {

std::string ParentOf(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> WriteAndSync(FileSystem& fs, const std::string& path, std::string_view bytes, int permissions) {
  TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kCreate, permissions));
  TRY(file->WriteAt(0, bytes));
  return file->Sync();
}

}  // namespace

Result<void> WriteFileDurably(FileSystem& fs, const std::string& path, std::string_view bytes,
                              int permissions) {
  // Made anew each time: a leftover of a crash may have other permissions, or be longer.
  const std::string temporary = path + ".tmp";
  auto removed = fs.Remove(temporary);
  if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
  auto written = WriteAndSync(fs, temporary, bytes, permissions);
  if (written) written = fs.Rename(temporary, path);
  if (!written) {
    std::ignore = fs.Remove(temporary);  // the first error is the one to tell
    return written;
  }
  return fs.SyncFolder(ParentOf(path));
}

Result<void> MakeFoldersDurably(FileSystem& fs, const std::string& folder, int permissions) {
  TRY_ASSIGN(bool exists, fs.Exists(folder));
  if (!exists) {
    const std::string parent = ParentOf(folder);
    if (parent != folder) TRY(MakeFoldersDurably(fs, parent, permissions));
    TRY(fs.MakeFolders(folder, permissions));
    return fs.SyncFolder(parent);
  }
  return fs.MakeFolders(folder, permissions);  // complains when it is a file
}

}  // namespace beleg::io
