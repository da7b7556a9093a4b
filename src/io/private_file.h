// Secrets in files: nobody but their owner may read them.
#pragma once

#include <string>

#include "io/file.h"

namespace beleg::io {

// kPermissionDenied when group or others have any right to the file; the message names it, its mode and what to do. Only the real
// disk has rights: any other file system passes.
Result<void> CheckPrivate(FileSystem& fs, const std::string& path);

}  // namespace beleg::io
