// GroupPacing: when the next commit group is taken. A group costs a write, an fdatasync, a signature and the wakes of two threads
// whatever is in it, so under a stream of small groups it pays to hold one back for those that come meanwhile.
//
// Rules:   a group waits for as many ops as the last one had, since their callers may be about to come again, at most as long as a
//          commit takes: longer never pays for callers who wait for each other's answers.
//          Small groups that follow closely begin at least an interval apart (a hold), as long as that brings company: ops that come
//          late in it. Callers who only wait for their answers come early or never, and then holding is given up; it is tried again
//          every few groups, more and more seldom.
// Threads: the writer's alone. Time is the caller's (Clock::MonoMicros).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace beleg::ledger {

class GroupPacing {
 public:
  static constexpr size_t kOpsEnough = 4;  // a group of so many is not small: its cost is shared

  explicit GroupPacing(std::chrono::microseconds interval) : interval_(interval) {}

  // Whether the next group is held back, and until when (or until kOpsEnough are there).
  bool is_holding() const { return is_holding_; }
  int64_t hold_until_us() const { return taken_us_ + interval_.count(); }
  // A hold has ended with so many ops, of which the last came at youngest_us (0 when there are none).
  void Held(size_t ops, int64_t youngest_us);

  // How many ops a group that is not held waits for, and how long.
  size_t company() const { return company_; }
  std::chrono::microseconds window() const { return window_; }

  // A group was taken, and committed now.
  void Committed(size_t ops, int64_t taken_us, int64_t now_us);

 private:
  static constexpr int kGroupsPerTryMin = 16;

  const std::chrono::microseconds interval_;
  size_t company_ = 1;
  std::chrono::microseconds window_{0};
  int64_t taken_us_ = 0;
  bool is_holding_ = false;
  int credit_ = 0;  // above 0: holds pay
  int groups_per_try_ = kGroupsPerTryMin;
  int groups_until_try_ = kGroupsPerTryMin;
};

}  // namespace beleg::ledger
