#include "witness/checkpoint_archive.h"

#include <algorithm>
#include <chrono>

#include "base/utc_day.h"
#include "io/durable.h"

namespace beleg::witness {
namespace {

std::string DayAndHour(int64_t unix_s) {
  const std::chrono::sys_seconds time{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return fmt::format("{}T{:02}", FormatUtcDay(day),
                     std::chrono::floor<std::chrono::hours>(time - day).count());
}

std::string NameOfHour(int64_t unix_s) { return DayAndHour(unix_s) + "Z"; }
std::string NameOfSecond(int64_t unix_s) {
  return fmt::format("{}{:02}{:02}Z", DayAndHour(unix_s), unix_s / 60 % 60, unix_s % 60);
}

// What somebody else put into the folder is none of ours, and stays.
bool IsNameOfSecond(std::string_view name) {
  constexpr std::string_view kForm = "0000-00-00T000000Z";
  return std::ranges::equal(name, kForm,
                            [](char c, char form) { return form == '0' ? c >= '0' && c <= '9' : c == form; });
}

}  // namespace

Result<void> CheckpointArchive::Keep(std::string_view note, int64_t unix_s) {
  TRY(KeepOfHour(note, unix_s));
  TRY(KeepRecent(note, unix_s));
  return Thin(unix_s);
}

Result<void> CheckpointArchive::KeepOfHour(std::string_view note, int64_t unix_s) {
  const int64_t hour = unix_s / 3600;
  if (hour == kept_hour_) return {};
  const std::string path = dir_ + "/" + NameOfHour(unix_s);
  TRY_ASSIGN(bool there, fs_.Exists(path));
  if (!there) {
    TRY(io::MakeFoldersDurably(fs_, dir_));
    TRY(io::WriteFileDurably(fs_, path, note));
  }
  kept_hour_ = hour;
  return {};
}

Result<void> CheckpointArchive::KeepRecent(std::string_view note, int64_t unix_s) {
  const int64_t slot = unix_s / kSlotSeconds;
  if (slot == kept_slot_) return {};
  if (!recent_) TRY(ReadRecent());
  const std::string name = NameOfSecond(slot * kSlotSeconds);
  if (!recent_->contains(name)) {
    TRY(io::WriteFileDurably(fs_, RecentPath(name), note));
    recent_->insert(name);
  }
  kept_slot_ = slot;
  return {};
}

Result<void> CheckpointArchive::ReadRecent() {
  TRY(io::MakeFoldersDurably(fs_, dir_ + "/recent"));
  TRY_ASSIGN(auto names, fs_.List(dir_ + "/recent"));
  std::set<std::string> recent;
  for (std::string& name : names) {
    if (IsNameOfSecond(name))
      recent.insert(std::move(name));
    else if (name.ends_with(".tmp") && IsNameOfSecond(name.substr(0, name.size() - 4)))
      TRY(fs_.Remove(RecentPath(name)));  // of a write that a crash cut short
  }
  recent_ = std::move(recent);
  return {};
}

// Of a time that has not come yet are those of a clock that was wrong: they would fill the room of what comes. A removal that a power cut
// undoes is done again after the next start.
Result<void> CheckpointArchive::Thin(int64_t unix_s) {
  const std::string oldest = NameOfSecond(unix_s - kRecentSeconds), newest = NameOfSecond(unix_s);
  while (!recent_->empty()) {
    const bool is_ahead = *recent_->rbegin() > newest;
    const auto next = is_ahead ? std::prev(recent_->end()) : recent_->begin();
    if (!is_ahead && *next >= oldest && recent_->size() <= kRecentMax) break;
    auto removed = fs_.Remove(RecentPath(*next));
    if (!removed && removed.error().code != ErrorCode::kNotFound) return removed;
    recent_->erase(next);
  }
  return {};
}

}  // namespace beleg::witness
