// CheckpointArchive: the first cosigned checkpoint of each hour, kept for ever.
//
// Shape:   DIR/<YYYY-MM-DD>T<HH>Z (UTC), each a signed note.
// Errors:  the file system's; kResourceExhausted may be passed over, the next call of the hour tries again.
// Threads: one at a time.
// Cost:    one durable write an hour.
#pragma once

#include <string>
#include <string_view>

#include "io/file.h"

namespace beleg::witness {

class CheckpointArchive {
 public:
  // The folder is made with its first file.
  CheckpointArchive(io::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  Result<void> Keep(std::string_view note, int64_t unix_s);

 private:
  io::FileSystem& fs_;
  const std::string dir_;
  int64_t kept_hour_ = -1;
};

}  // namespace beleg::witness
