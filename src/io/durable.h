// Writes that survive a power cut. With file.cc's File::Sync this is the only caller of fsync.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "io/file.h"

namespace beleg::io {

// Makes path hold exactly bytes, or leaves what was there: temporary file beside it, write, sync, rename, sync the folder.
Result<void> WriteFileDurably(FileSystem& fs, const std::string& path, std::string_view bytes,
                              int permissions = 0644);

// The same for several files at once: every file is synced before the first rename, every folder once at the end, missing
// folders are made. After an error some files may have been replaced, each as a whole.
struct FileContent {
  std::string path;
  std::string_view bytes;
};
Result<void> WriteFilesDurably(FileSystem& fs, std::span<const FileContent> files, int permissions = 0644);

// Makes folders durable too: creates what is missing and syncs each parent that changed.
Result<void> MakeFoldersDurably(FileSystem& fs, const std::string& folder, int permissions = 0755);

}  // namespace beleg::io
