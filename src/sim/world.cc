#include "sim/world.h"

#include <iterator>

namespace beleg::sim {

World::World(uint64_t seed) : disk(seed * 3 + 1), product_rng(seed * 3 + 2), rng_(seed * 3) {
  const auto often_or_never = [this](uint64_t percent) { return Below(3) == 0 ? 0 : Below(percent) + 1; };
  profile_.lives = 2 + Below(9);
  profile_.steps_max = Below(8) == 0 ? 300 : 10 + Below(90);
  profile_.deaths = often_or_never(80);
  profile_.disk_errors = often_or_never(60);
  profile_.read_errors = often_or_never(40);
  profile_.full_disks = often_or_never(60);
  profile_.orderly_ends = often_or_never(60);
  profile_.clock_jumps = often_or_never(50);
  profile_.free_bytes_min = Below(3) == 0 ? Below(400'000) : 0;
  profile_.publications = Below(3) == 0 ? 2 : 20;
  profile_.begins = Below(3) == 0 ? 65 : 40;  // the first: more and more requests are open
  profile_.bursts = often_or_never(25);
  profile_.big_records = often_or_never(60);
  profile_.abandoned = often_or_never(30);
  profile_.preemptions = often_or_never(10);
  profile_.network_errors = often_or_never(70);
  profile_.wrong_records = Below(3) == 0 ? 1 + Below(3) : 0;
}

void World::DrawDiskTrouble() {
  constexpr io::DiskAct kAims[] = {io::DiskAct::kSync, io::DiskAct::kSyncFolder, io::DiskAct::kWrite,
                                   io::DiskAct::kRename, io::DiskAct::kRemove};
  trouble_fired_ = false;
  aim_ = Below(2) == 0 ? std::nullopt : std::optional(kAims[Below(std::size(kAims))]);
  constexpr std::string_view kFolders[] = {"", "", "/wal/", "/public/", "/cursors/"};
  aim_folder_ = kFolders[Below(std::size(kFolders))];
  aimed_calls_ = 0;
  death_ = Happens(profile_.deaths) ? DrawCall() : UINT64_MAX;
  first_error_ = Happens(profile_.disk_errors) ? DrawCall() : UINT64_MAX;
  if (Happens(profile_.disk_errors / 3)) AimAtWalSync();
  last_error_ = Below(3) == 0 ? UINT64_MAX : first_error_ + Below(12);
  error_ = Below(2) == 0 ? ErrorCode::kDataLoss : ErrorCode::kResourceExhausted;
  reads_ = 0;
  first_read_error_ = Happens(profile_.read_errors) ? 1 + Below(Below(2) == 0 ? 12 : 200) : UINT64_MAX;
  last_read_error_ = Below(3) == 0 ? UINT64_MAX : first_read_error_ + Below(12);
  disk.SetFault([this](const io::DiskCall& call) { return Trouble(call); });
}

// Every acknowledgement stands on this call, so it fails more often than by chance.
void World::AimAtWalSync() {
  aim_ = io::DiskAct::kSync;
  aim_folder_ = "/wal/";
  death_ = UINT64_MAX;
  first_error_ = 1 + Below(12);
}

// Often soon, so that recovery itself is hit.
uint64_t World::DrawCall() {
  const uint64_t few = aim_ || !aim_folder_.empty() ? 10 : 50;
  return 1 + Below(Below(2) == 0 ? few : few * 20);
}

bool World::IsAimedAt(const io::DiskCall& call) const {
  return (!aim_ || call.act == *aim_) && call.path.find(aim_folder_) != call.path.npos;
}

void World::Before(const io::DiskCall& call) {
  if (!IsAimedAt(call)) return;
  if (++aimed_calls_ == death_) disk.KillAt(disk.calls() + 1);
}

Result<void> World::BeforeRead(std::string_view path) {
  if (++reads_ < first_read_error_ || reads_ > last_read_error_) return {};
  trouble_fired_ = true;
  stats.Count("fault.read_error");
  return Fail(ErrorCode::kDataLoss, "{}: injected", path);
}

Result<void> World::Trouble(const io::DiskCall& call) {
  if (!IsAimedAt(call)) return {};
  if (aimed_calls_ < first_error_ || aimed_calls_ > last_error_) return {};
  trouble_fired_ = true;
  stats.Count(error_ == ErrorCode::kDataLoss ? "fault.eio" : "fault.enospc");
  if (call.act == io::DiskAct::kSync) stats.Count("fault.failed_sync");
  if (call.act == io::DiskAct::kSyncFolder) stats.Count("fault.failed_folder_sync");
  return Fail(error_, "injected");
}

void World::Heal() {
  disk.SetFault({});
  death_ = first_read_error_ = UINT64_MAX;
  EmptyDisk();
  trouble_fired_ = false;
}

void World::FillDisk() {
  if (is_full_) return;
  disk.SetCapacity(disk.used_bytes() + Below(Below(2) == 0 ? 20'000 : 1'500'000));
  is_full_ = true;
  stats.Count("fault.full_disk");
}

void World::EmptyDisk() {
  if (!is_full_) return;
  disk.SetCapacity(std::nullopt);
  is_full_ = false;
}

}  // namespace beleg::sim
