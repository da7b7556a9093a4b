// What one seed's servers live in: disk, clock, chance, and how much of what goes wrong here.
//
// Everything in a simulation is a function of its seed.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/rng.h"
#include "io/simulated_disk.h"
#include "sim/stats.h"

namespace beleg::sim {

// Its unix time can be set, as an administrator or a bad time server does.
class SimulatedClock final : public Clock {
 public:
  int64_t UnixMicros() const override { return unix_us_; }
  int64_t MonoMicros() const override { return mono_us_; }
  void AdvanceMicros(int64_t us) { unix_us_ += us, mono_us_ += us; }
  void JumpMicros(int64_t us) { unix_us_ += us; }

 private:
  int64_t unix_us_ = 1'795'500'000'000'000;
  int64_t mono_us_ = 0;
};

// Drawn once a seed, so that seeds differ in kind and not only in detail. Percents are of the occasions.
struct Profile {
  uint64_t lives = 0;      // of the server's process
  uint64_t steps_max = 0;  // of one life
  uint64_t deaths = 0, disk_errors = 0, read_errors = 0, full_disks = 0, orderly_ends = 0,
           clock_jumps = 0;                             // of lives
  uint64_t free_bytes_min = 0;                          // what the log wants left on the disk
  uint64_t publications = 0;                            // of steps
  uint64_t begins = 0;                                  // of client acts; ends are up to 80
  uint64_t bursts = 0, big_records = 0, abandoned = 0;  // of client acts
  uint64_t preemptions = 0;                             // of disk calls
  uint64_t network_errors = 0, wrong_records = 0;       // of requests, of records
};

class World {
 public:
  explicit World(uint64_t seed);

  uint64_t Below(uint64_t limit) { return rng_.Next() % limit; }
  bool Happens(uint64_t percent) { return Below(100) < percent; }
  const Profile& profile() const { return profile_; }

  // A new life begins: what will go wrong with its disk, at any call or at those of one kind or one folder. Heal ends that.
  void DrawDiskTrouble();
  void Heal();
  // Threads come no more between others, so that what a last life does is known.
  void ForbidPreemption() { profile_.preemptions = 0; }
  // The disk of this life gave an error of its own, or was full: the server may fail then.
  bool has_trouble() const { return has_errors() || is_full_; }
  // The same without a full disk.
  bool has_errors() const { return trouble_fired_ || disk.is_dead(); }
  // The process is about to make this call; it may die in it.
  void Before(const io::DiskCall& call);
  // The process is about to read; the error that it gets.
  Result<void> BeforeRead(std::string_view path);
  bool is_full() const { return is_full_; }
  // Leaves little room on the disk, or gives it back.
  void FillDisk();
  void EmptyDisk();

  // What the simulation found wrong. The first finding counts: what follows may follow from it.
  template <class... Args>
  void Find(fmt::format_string<Args...> format, Args&&... args) {
    if (!finding_) finding_ = fmt::format(format, std::forward<Args>(args)...);
  }
  const std::optional<std::string>& finding() const { return finding_; }

  io::SimulatedDisk disk;
  SimulatedClock clock;
  SeededRng product_rng;  // for the server's keys, salts and names
  Stats stats;

 private:
  Result<void> Trouble(const io::DiskCall& call);
  void AimAtWalSync();
  uint64_t DrawCall();
  bool IsAimedAt(const io::DiskCall& call) const;

  SeededRng rng_;
  Profile profile_;
  std::optional<io::DiskAct> aim_;                      // at calls of this kind alone
  std::string_view aim_folder_;                         // and in folders of this name; "": in all
  uint64_t aimed_calls_ = 0;                            // of this life
  uint64_t death_ = UINT64_MAX;                         // which of the aimed calls the process dies in
  uint64_t first_error_ = UINT64_MAX, last_error_ = 0;  // which of the aimed calls fail
  ErrorCode error_ = ErrorCode::kDataLoss;
  uint64_t reads_ = 0;                                            // of this life
  uint64_t first_read_error_ = UINT64_MAX, last_read_error_ = 0;  // which of them fail
  bool trouble_fired_ = false;
  bool is_full_ = false;
  std::optional<std::string> finding_;
};

}  // namespace beleg::sim
