// CheckpointArchive: cosigned checkpoints, dense for the last hour and one an hour for ever.
//
// Shape:   DIR/<YYYY-MM-DD>T<HH>Z (UTC): the first of each hour. DIR/recent/<YYYY-MM-DD>T<HHMMSS>Z: the first of each ten seconds of the
//          last hour. Each a signed note.
// Order:   the hour's file is written first, durably, and never touched again, so thinning is the removal of recent files alone: it may be
//          cut short at any call, and goes on after the next start.
// Limits:  kRecentMax recent files, whatever the clock does; 8,784 others a year.
// Errors:  the file system's; kResourceExhausted may be passed over, the next call tries again.
// Threads: one at a time.
// Cost:    a durable write each ten seconds, and one each hour.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "io/file.h"

namespace beleg::witness {

class CheckpointArchive {
 public:
  static constexpr int64_t kRecentSeconds = 3600, kSlotSeconds = 10;
  static constexpr size_t kRecentMax = kRecentSeconds / kSlotSeconds + 1;

  // Folders are made with their first file.
  CheckpointArchive(io::FileSystem& fs, std::string dir) : fs_(fs), dir_(std::move(dir)) {}
  // A note that was cosigned now.
  Result<void> Keep(std::string_view note, int64_t unix_s);

 private:
  Result<void> KeepOfHour(std::string_view note, int64_t unix_s);
  Result<void> KeepRecent(std::string_view note, int64_t unix_s);
  Result<void> ReadRecent();
  Result<void> Thin(int64_t unix_s);
  std::string RecentPath(const std::string& name) const { return dir_ + "/recent/" + name; }

  io::FileSystem& fs_;
  const std::string dir_;
  int64_t kept_hour_ = -1, kept_slot_ = -1;
  std::optional<std::set<std::string>>
      recent_;  // names, which are in the order of their times; nullopt: not read yet
};

}  // namespace beleg::witness
