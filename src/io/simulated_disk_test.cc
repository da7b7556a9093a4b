#include "io/simulated_disk.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "io/durable.h"

namespace beleg::io {
namespace {

TEST(SimulatedDisk, APowerCutKeepsWhatWasSynced) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SimulatedDisk disk(seed);
    ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
    ASSERT_TRUE(WriteFileDurably(disk, "/d/a", "synced"));
    auto file = disk.Open("/d/a", OpenMode::kReadWrite, 0644).value();
    ASSERT_TRUE(file->WriteAt(6, " and more"));
    disk.CutPower();
    const std::string left = ReadFile(disk, "/d/a").value();
    EXPECT_TRUE(left.starts_with("synced"));
    EXPECT_TRUE(std::string("synced and more").starts_with(left)) << left;
  }
}

TEST(SimulatedDisk, APowerCutMayLoseARenameAndAnUnsyncedFile) {
  bool lost_name = false, kept_name = false, lost_bytes = false;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedDisk disk(seed);
    ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
    ASSERT_TRUE(WriteFileDurably(disk, "/d/old", "x"));
    ASSERT_TRUE(disk.Rename("/d/old", "/d/new"));
    auto file = disk.Open("/d/new", OpenMode::kReadWrite, 0644).value();
    ASSERT_TRUE(file->WriteAt(0, "y"));
    disk.CutPower();
    const bool has_new = disk.Exists("/d/new").value();
    EXPECT_NE(has_new, disk.Exists("/d/old").value()) << "a rename is whole or not at all";
    (has_new ? kept_name : lost_name) = true;
    lost_bytes = lost_bytes || ReadFile(disk, has_new ? "/d/new" : "/d/old").value() == "x";
  }
  EXPECT_TRUE(lost_name && kept_name && lost_bytes);
}

TEST(SimulatedDisk, AFailedSyncIsForgottenByTheCache) {
  bool lost = false, reached = false, lied = false, told_the_truth = false;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SimulatedDisk disk(seed);
    ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
    ASSERT_TRUE(WriteFileDurably(disk, "/d/a", "old"));
    auto file = disk.Open("/d/a", OpenMode::kReadWrite, 0644).value();
    ASSERT_TRUE(file->WriteAt(0, "new"));
    disk.SetFault([](const DiskCall&) { return Result<void>(Fail(ErrorCode::kDataLoss, "EIO")); });
    EXPECT_EQ(file->Sync().error().code, ErrorCode::kDataLoss);
    disk.SetFault({});
    EXPECT_TRUE(file->Sync()) << "it says it worked";
    const std::string seen = ReadFile(disk, "/d/a").value();
    disk.CutPower();
    const std::string left = ReadFile(disk, "/d/a").value();
    (left == "new" ? reached : lost) = true;
    (seen == left ? told_the_truth : lied) = true;
    EXPECT_TRUE(seen == "new" || seen == left) << seen;
  }
  EXPECT_TRUE(lost && reached && lied && told_the_truth);
}

TEST(SimulatedDisk, APowerCutTearsAWriteByPagesAndSectors) {
  bool kept_the_last_page_alone = false, kept_the_last_sector_alone = false;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SimulatedDisk disk(seed);
    ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
    ASSERT_TRUE(WriteFileDurably(disk, "/d/a", std::string(8192, '0')));
    auto file = disk.Open("/d/a", OpenMode::kReadWrite, 0644).value();
    ASSERT_TRUE(file->WriteAt(0, std::string(8192, '1')));
    disk.CutPower();
    const std::string left = ReadFile(disk, "/d/a").value();
    kept_the_last_page_alone |= left == std::string(4096, '0') + std::string(4096, '1');
    kept_the_last_sector_alone |= left.ends_with(std::string(512, '0') + std::string(512, '1'));
  }
  EXPECT_TRUE(kept_the_last_page_alone && kept_the_last_sector_alone);
}

TEST(SimulatedDisk, AWriteThatFailsLeavesItsFirstSectorsAtMost) {
  std::set<size_t> sizes;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    SimulatedDisk disk(seed);
    ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
    auto file = disk.Open("/d/a", OpenMode::kCreate, 0644).value();
    disk.SetFault(FailsFrom(1));
    EXPECT_FALSE(file->WriteAt(0, std::string(1500, '1')));
    sizes.insert(ReadFile(disk, "/d/a")->size());
  }
  EXPECT_EQ(sizes, (std::set<size_t>{0, 512, 1024}));
}

TEST(SimulatedDisk, ADeadProcessChangesNothingMore) {
  SimulatedDisk disk(1);
  ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
  disk.KillAt(disk.calls() + 2);
  auto file = disk.Open("/d/a", OpenMode::kCreate, 0644).value();
  EXPECT_FALSE(disk.is_dead());
  EXPECT_FALSE(disk.Rename("/d/a", "/d/b"));
  EXPECT_TRUE(disk.is_dead());
  EXPECT_FALSE(file->WriteAt(0, "ghost"));
  disk.Kill();
  EXPECT_FALSE(disk.is_dead());
  EXPECT_EQ(ReadFile(disk, "/d/a").value(), "");
}

TEST(SimulatedDisk, AFullDiskTakesOnlyWhatHasRoom) {
  SimulatedDisk disk(1);
  ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
  disk.SetCapacity(10);
  auto file = disk.Open("/d/a", OpenMode::kCreate, 0644).value();
  EXPECT_TRUE(file->Allocate(0, 8));
  EXPECT_EQ(disk.FreeBytes("/d"), 2u);
  EXPECT_EQ(file->Allocate(0, 11).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(file->WriteAt(8, "123").error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(file->WriteAt(0, "12345678"));
  disk.SetCapacity(std::nullopt);
  EXPECT_TRUE(file->WriteAt(8, "123"));
}

TEST(AllocateZeros, WhatIsMadeIsDurableAndWhatHasNoRoomIsNotBegun) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SimulatedDisk disk(seed);
    ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
    auto file = disk.Open("/d/a", OpenMode::kCreate, 0644).value();
    ASSERT_TRUE(disk.SyncFolder("/d"));
    ASSERT_TRUE(AllocateZeros(*file, 0, (2 << 20) + 3));
    disk.SetCapacity((2 << 20) + 3);
    EXPECT_EQ(AllocateZeros(*file, (2 << 20) + 3, 1).error().code, ErrorCode::kResourceExhausted);
    disk.CutPower();
    EXPECT_EQ(ReadFile(disk, "/d/a").value(), std::string((2 << 20) + 3, '\0'));
  }
}

TEST(SimulatedDisk, AKillFreesLocksAndKeepsThePageCache) {
  SimulatedDisk disk(1);
  ASSERT_TRUE(disk.MakeFolders("/d", 0755));
  auto lock = disk.Lock("/d").value();
  EXPECT_EQ(disk.Lock("/d").error().code, ErrorCode::kFailedPrecondition);
  auto file = disk.Open("/d/a", OpenMode::kCreate, 0644).value();
  ASSERT_TRUE(file->WriteAt(0, "cached"));
  disk.Kill();
  EXPECT_TRUE(disk.Lock("/d"));
  EXPECT_EQ(ReadFile(disk, "/d/a").value(), "cached");
  EXPECT_FALSE(file->WriteAt(0, "ghost"));
  EXPECT_EQ(ReadFile(disk, "/d/a").value(), "cached");
}

}  // namespace
}  // namespace beleg::io
