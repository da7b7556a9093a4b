#include "io/simulated_disk.h"

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
  SimulatedDisk disk(1);
  ASSERT_TRUE(MakeFoldersDurably(disk, "/d"));
  ASSERT_TRUE(WriteFileDurably(disk, "/d/a", "old"));
  auto file = disk.Open("/d/a", OpenMode::kReadWrite, 0644).value();
  ASSERT_TRUE(file->WriteAt(0, "new"));
  disk.SetFault([](uint64_t) { return Result<void>(Fail(ErrorCode::kDataLoss, "EIO")); });
  EXPECT_EQ(file->Sync().error().code, ErrorCode::kDataLoss);
  disk.SetFault({});
  EXPECT_TRUE(file->Sync()) << "it says it worked";
  EXPECT_EQ(ReadFile(disk, "/d/a").value(), "new");
  disk.CutPower();
  EXPECT_EQ(ReadFile(disk, "/d/a").value(), "old");
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
