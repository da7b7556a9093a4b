#include "witness/checkpoint_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "io/simulated_disk.h"

namespace beleg::witness {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kStart = 1'700'000'000;  // 2023-11-14T22:13:20Z

std::string NoteAt(int64_t unix_s) { return fmt::format("note of {}", unix_s); }

class CheckpointArchiveTest : public ::testing::Test {
 protected:
  void Keep(int64_t unix_s) {
    auto kept = archive_->Keep(NoteAt(unix_s), unix_s);
    ASSERT_TRUE(kept) << kept.error().message;
  }
  // One checkpoint a second over [from, to).
  void KeepEachSecond(int64_t from, int64_t to) {
    for (int64_t now = from; now < to; ++now) Keep(now);
  }
  void Restart() { archive_ = std::make_unique<CheckpointArchive>(disk_, "/archive"); }
  std::vector<std::string> Recent() {
    auto names = disk_.List("/archive/recent");
    return names ? *names : std::vector<std::string>();
  }
  std::vector<std::string> Hours() {
    auto names = disk_.List("/archive");
    std::vector<std::string> out = names ? *names : std::vector<std::string>();
    std::erase_if(out, [](const std::string& name) { return name == "recent" || name.ends_with(".tmp"); });
    return out;
  }
  std::string Content(const std::string& name) { return *io::ReadFile(disk_, "/archive/" + name); }

  io::SimulatedDisk disk_{1};
  std::unique_ptr<CheckpointArchive> archive_ = std::make_unique<CheckpointArchive>(disk_, "/archive");
};

TEST_F(CheckpointArchiveTest, TheLastHourIsThereEachTenSeconds) {
  KeepEachSecond(kStart, kStart + 30);
  EXPECT_THAT(Recent(), ElementsAre("2023-11-14T221320Z", "2023-11-14T221330Z", "2023-11-14T221340Z"));
  EXPECT_EQ(Content("recent/2023-11-14T221330Z"), NoteAt(kStart + 10)) << "the first of its ten seconds";
  EXPECT_THAT(Hours(), ElementsAre("2023-11-14T22Z"));
}

TEST_F(CheckpointArchiveTest, WhatIsNotItsOwnStays) {
  ASSERT_TRUE(disk_.MakeFolders("/archive/recent/notes", 0755));
  ASSERT_TRUE(disk_.Open("/archive/recent/2024", io::OpenMode::kCreate, 0644));
  ASSERT_TRUE(disk_.Open("/archive/recent/mine.tmp", io::OpenMode::kCreate, 0644));
  ASSERT_TRUE(disk_.Open("/archive/recent/2023-11-14T221310Z.tmp", io::OpenMode::kCreate, 0644));
  KeepEachSecond(kStart, kStart + 11);
  EXPECT_THAT(Recent(), ElementsAre("2023-11-14T221320Z", "2023-11-14T221330Z", "2024", "mine.tmp", "notes"));
}

TEST_F(CheckpointArchiveTest, WhatIsOlderThanAnHourIsThereOnceAnHour) {
  KeepEachSecond(kStart, kStart + 3 * 3600);
  EXPECT_THAT(Hours(), ElementsAre("2023-11-14T22Z", "2023-11-14T23Z", "2023-11-15T00Z", "2023-11-15T01Z"));
  EXPECT_EQ(Content("2023-11-14T22Z"), NoteAt(kStart));
  EXPECT_EQ(Content("2023-11-14T23Z"), NoteAt(1'700'002'800));
  const auto recent = Recent();
  EXPECT_EQ(recent.size(), 360u);
  EXPECT_EQ(recent.front(), "2023-11-15T001320Z");
  EXPECT_EQ(recent.back(), "2023-11-15T011310Z");
}

TEST_F(CheckpointArchiveTest, AQuietLogLosesItsRecentOnesWithTheNextAlone) {
  Keep(kStart);
  Keep(kStart + 86'400);
  EXPECT_THAT(Recent(), ElementsAre("2023-11-15T221320Z"));
  EXPECT_THAT(Hours(), ElementsAre("2023-11-14T22Z", "2023-11-15T22Z"));
}

TEST_F(CheckpointArchiveTest, ARestartKeepsNothingTwiceAndGoesOnThinning) {
  KeepEachSecond(kStart, kStart + 60);
  Restart();
  Keep(kStart + 59);
  EXPECT_EQ(Recent().size(), 6u);
  EXPECT_EQ(Content("recent/2023-11-14T221410Z"), NoteAt(kStart + 50));
  Restart();
  Keep(kStart + 3630);
  EXPECT_THAT(Recent(), ElementsAre("2023-11-14T221350Z", "2023-11-14T221400Z", "2023-11-14T221410Z",
                                    "2023-11-14T231350Z"));
}

TEST_F(CheckpointArchiveTest, AClockThatJumpsAboutDoesNotMakeItGrow) {
  for (int64_t jump = 0; jump < 40; ++jump) {
    const int64_t from = kStart + (jump % 2 == 0 ? jump * 100'000 : -jump * 100'000);
    KeepEachSecond(from, from + 200);
    ASSERT_LE(Recent().size(), CheckpointArchive::kRecentMax);
  }
}

TEST_F(CheckpointArchiveTest, AClockThatWasWrongTakesNoRoomOfWhatComes) {
  KeepEachSecond(kStart + 1'000'000, kStart + 1'000'000 + 3'700);
  KeepEachSecond(kStart, kStart + 30);
  EXPECT_THAT(Recent(), ElementsAre("2023-11-14T221320Z", "2023-11-14T221330Z", "2023-11-14T221340Z"));
}

TEST_F(CheckpointArchiveTest, AFullDiskIsPassedOver) {
  disk_.SetCapacity(0);
  EXPECT_EQ(archive_->Keep(NoteAt(kStart), kStart).error().code, ErrorCode::kResourceExhausted);
  disk_.SetCapacity(std::nullopt);
  Keep(kStart + 1);
  EXPECT_EQ(Content("2023-11-14T22Z"), NoteAt(kStart + 1));
  EXPECT_EQ(Content("recent/2023-11-14T221320Z"), NoteAt(kStart + 1));
}

// Keeps a few; gives the hours whose Keep was answered by a process that lived.
std::set<int64_t> KeepSome(io::SimulatedDisk& disk) {
  std::set<int64_t> hours;
  CheckpointArchive archive(disk, "/archive");
  for (int64_t later : {0, 10, 20, 3600, 3610, 3621, 7300})
    if (archive.Keep(NoteAt(kStart + later), kStart + later) && !disk.is_dead())
      hours.insert((kStart + later) / 3600);
  return hours;
}

// Whatever call is the last one: each hour that Keep answered for is there, no file is half a note, and thinning goes on.
TEST_F(CheckpointArchiveTest, DyingAtAnyCallLosesNoHourAndLeavesNoHalf) {
  KeepSome(disk_);
  const uint64_t calls = disk_.calls();
  EXPECT_GT(calls, 50u);
  for (uint64_t at = 1; at <= calls; ++at) {
    for (bool power_cut : {false, true}) {
      io::SimulatedDisk disk(at);
      disk.KillAt(at);
      const std::set<int64_t> hours = KeepSome(disk);
      power_cut ? disk.CutPower() : disk.Kill();
      CheckpointArchive again(disk, "/archive");
      ASSERT_TRUE(again.Keep(NoteAt(kStart + 10'910), kStart + 10'910)) << at;
      std::set<int64_t> found;
      for (const auto& [path, content] : disk.Contents()) {
        if (path.ends_with(".tmp")) continue;
        const std::string bytes = *io::ReadFile(disk, path);
        ASSERT_TRUE(bytes.starts_with("note of 17") && bytes.size() == NoteAt(kStart).size())
            << path << bytes;
        if (path.find("/recent/") == path.npos) found.insert(*ParseInt64(bytes.substr(8)) / 3600);
      }
      for (int64_t hour : hours) ASSERT_TRUE(found.contains(hour)) << "call " << at << ", hour " << hour;
      ASSERT_THAT(*disk.List("/archive/recent"), ElementsAre("2023-11-15T011510Z")) << at;
    }
  }
}

}  // namespace
}  // namespace beleg::witness
