#include "witness/checkpoint_archive.h"

#include <chrono>

#include "io/durable.h"

namespace beleg::witness {
namespace {

std::string NameOfHour(int64_t hour) {
  const std::chrono::sys_time<std::chrono::hours> time{std::chrono::hours(hour)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     (time - day).count());
}

}  // namespace

Result<void> CheckpointArchive::Keep(std::string_view note, int64_t unix_s) {
  const int64_t hour = unix_s / 3600;
  if (hour == kept_hour_) return {};
  const std::string path = dir_ + "/" + NameOfHour(hour);
  TRY_ASSIGN(bool there, fs_.Exists(path));
  if (!there) {
    TRY(io::MakeFoldersDurably(fs_, dir_));
    TRY(io::WriteFileDurably(fs_, path, note));
  }
  kept_hour_ = hour;
  return {};
}

}  // namespace beleg::witness
