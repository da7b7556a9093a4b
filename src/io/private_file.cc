#include "io/private_file.h"

#include <sys/stat.h>

namespace beleg::io {

Result<void> CheckPrivate(FileSystem& fs, const std::string& path) {
  if (&fs != &PosixFileSystem()) return {};
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || (status.st_mode & 077) == 0)
    return {};  // reading it says what is wrong
  return Fail(ErrorCode::kPermissionDenied,
              "{}: others than its owner have rights to this secret (mode {:o}): chmod 600", path,
              status.st_mode & 0777);
}

}  // namespace beleg::io
