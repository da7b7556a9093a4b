#include "io/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "io/durable.h"
#include "io/testing.h"

namespace beleg::io {
namespace {

FileSystem& Fs() { return PosixFileSystem(); }

TEST(File, ReadsBackWhatItWrote) {
  TempFolder folder;
  auto file = Fs().Open(folder / "a", OpenMode::kCreate);
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE((*file)->WriteAt(3, "abc"));
  ASSERT_TRUE((*file)->Sync());
  EXPECT_EQ((*file)->Size().value(), 6u);
  EXPECT_EQ((*file)->ReadAt(3, 3).value(), "abc");
  EXPECT_EQ((*file)->ReadAt(4, 100).value(), "bc");
  EXPECT_EQ((*file)->ReadAt(100, 1).value(), "");
}

TEST(File, AllocateGrowsWithZeros) {
  TempFolder folder;
  auto file = Fs().Open(folder / "a", OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(0, "x"));
  ASSERT_TRUE(file->Allocate(0, 8192));
  EXPECT_EQ(file->Size().value(), 8192u);
  EXPECT_EQ(file->ReadAt(0, 3).value(), std::string("x\0\0", 3));
  ASSERT_TRUE(file->Truncate(1));
  EXPECT_EQ(file->Size().value(), 1u);
}

TEST(File, CreateRefusesAnExistingFile) {
  TempFolder folder;
  ASSERT_TRUE(Fs().Open(folder / "a", OpenMode::kCreate));
  EXPECT_EQ(Fs().Open(folder / "a", OpenMode::kCreate).error().code, ErrorCode::kAlreadyExists);
}

TEST(File, ReadRefusesAMissingFile) {
  TempFolder folder;
  auto file = Fs().Open(folder / "none", OpenMode::kRead);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kNotFound);
  EXPECT_NE(file.error().message.find("none"), std::string::npos);
}

TEST(File, PermissionsHoldFromTheFirstByte) {
  TempFolder folder;
  ASSERT_TRUE(Fs().Open(folder / "key", OpenMode::kCreate, 0600));
  struct stat info;
  ASSERT_EQ(::stat((folder / "key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST(FileSystem, ListsNamesInOrder) {
  TempFolder folder;
  for (const char* name : {"b", "a", "c"}) ASSERT_TRUE(Fs().Open(folder / name, OpenMode::kCreate));
  EXPECT_EQ(Fs().List(folder.path()).value(), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(Fs().List(folder / "none").error().code, ErrorCode::kNotFound);
}

TEST(FileSystem, RenamesAndRemoves) {
  TempFolder folder;
  ASSERT_TRUE(Fs().Open(folder / "a", OpenMode::kCreate));
  ASSERT_TRUE(Fs().Rename(folder / "a", folder / "b"));
  EXPECT_FALSE(Fs().Exists(folder / "a").value());
  EXPECT_TRUE(Fs().Exists(folder / "b").value());
  ASSERT_TRUE(Fs().Remove(folder / "b"));
  EXPECT_EQ(Fs().Remove(folder / "b").error().code, ErrorCode::kNotFound);
}

TEST(FileSystem, RemovesAnEmptyFolderOnly) {
  TempFolder folder;
  ASSERT_TRUE(Fs().MakeFolders(folder / "a/b"));
  EXPECT_FALSE(Fs().RemoveFolder(folder / "a"));
  EXPECT_TRUE(Fs().RemoveFolder(folder / "a/b"));
  EXPECT_EQ(Fs().RemoveFolder(folder / "a/b").error().code, ErrorCode::kNotFound);
}

TEST(FileSystem, MakesFoldersAndRefusesAFileInTheWay) {
  TempFolder folder;
  ASSERT_TRUE(Fs().MakeFolders(folder / "a/b/c"));
  ASSERT_TRUE(Fs().MakeFolders(folder / "a/b/c"));
  ASSERT_TRUE(Fs().Open(folder / "file", OpenMode::kCreate));
  EXPECT_FALSE(Fs().MakeFolders(folder / "file"));
  EXPECT_FALSE(Fs().MakeFolders(folder / "file/under"));
}

TEST(FileSystem, LockIsHeldByOneOnly) {
  TempFolder folder;
  auto first = Fs().Lock(folder.path());
  ASSERT_TRUE(first);
  auto second = Fs().Lock(folder.path());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos)
      << second.error().message;
  first->reset();
  EXPECT_TRUE(Fs().Lock(folder.path()));
}

TEST(FileSystem, ReadFileHasALimit) {
  TempFolder folder;
  ASSERT_TRUE(Fs().Open(folder / "a", OpenMode::kCreate).value()->WriteAt(0, "12345"));
  EXPECT_EQ(ReadFile(Fs(), folder / "a").value(), "12345");
  EXPECT_EQ(ReadFile(Fs(), folder / "a", 4).error().code, ErrorCode::kResourceExhausted);
}

TEST(Durable, WritesAndReplacesAWholeFile) {
  TempFolder folder;
  ASSERT_TRUE(WriteFileDurably(Fs(), folder / "a", "long first text"));
  ASSERT_TRUE(WriteFileDurably(Fs(), folder / "a", "second", 0600));
  EXPECT_EQ(ReadFile(Fs(), folder / "a").value(), "second");
  EXPECT_EQ(Fs().List(folder.path()).value().size(), 1u);
}

TEST(Durable, LeavesTheOldFileWhenAnyStepFails) {
  for (FaultPoint broken : {FaultPoint::kOpen, FaultPoint::kWrite, FaultPoint::kSync, FaultPoint::kRename}) {
    TempFolder folder;
    ASSERT_TRUE(WriteFileDurably(Fs(), folder / "a", "old"));
    FaultFileSystem faulty([&](FaultPoint point, const std::string& path) -> Result<void> {
      if (point == broken) return Fail(ErrorCode::kResourceExhausted, "{}: full", path);
      return {};
    });
    EXPECT_EQ(WriteFileDurably(faulty, folder / "a", "new").error().code,
              broken == FaultPoint::kSync ? ErrorCode::kDataLoss : ErrorCode::kResourceExhausted);
    EXPECT_EQ(ReadFile(Fs(), folder / "a").value(), "old");
    EXPECT_EQ(Fs().List(folder.path()).value().size(), 1u) << "a temporary file was left";
  }
}

TEST(Durable, SyncsTheFileBeforeTheRenameAndTheFolderAfterIt) {
  TempFolder folder;
  std::vector<FaultPoint> calls;
  FaultFileSystem watched([&](FaultPoint point, const std::string&) -> Result<void> {
    calls.push_back(point);
    return {};
  });
  ASSERT_TRUE(WriteFileDurably(watched, folder / "a", "x"));
  EXPECT_EQ(calls, (std::vector{FaultPoint::kRemove, FaultPoint::kOpen, FaultPoint::kWrite, FaultPoint::kSync,
                                FaultPoint::kRename, FaultPoint::kSyncFolder}));
}

TEST(Durable, WritesSeveralFilesAndSyncsEachFolderOnce) {
  TempFolder folder;
  std::vector<std::string> synced;
  FaultFileSystem watched([&](FaultPoint point, const std::string& path) -> Result<void> {
    if (point == FaultPoint::kSyncFolder) synced.push_back(path);
    return {};
  });
  const std::vector<FileContent> files = {
      {folder / "a/1", "one"}, {folder / "a/2", "two"}, {folder / "b", "three"}};
  ASSERT_TRUE(Fs().MakeFolders(folder / "a"));
  ASSERT_TRUE(WriteFilesDurably(watched, files));
  for (const FileContent& file : files) EXPECT_EQ(ReadFile(Fs(), file.path).value(), file.bytes);
  EXPECT_EQ(synced, (std::vector<std::string>{folder.path(), folder / "a"}));
}

TEST(Durable, SyncsTheParentOfAFolderOnceWhoeverMadeIt) {
  TempFolder folder;
  ASSERT_TRUE(Fs().MakeFolders(folder / "a/b"));
  std::vector<std::string> synced;
  FaultFileSystem watched([&](FaultPoint point, const std::string& path) -> Result<void> {
    if (point == FaultPoint::kSyncFolder) synced.push_back(path);
    return {};
  });
  DurableFolders folders(watched, folder.path());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(folders.Make(folder / "a/b"));
  EXPECT_EQ(synced, (std::vector<std::string>{folder.path(), folder / "a"}));
}

TEST(Durable, MakesMissingFoldersAndSyncsEachParentWhoeverMadeThem) {
  TempFolder folder;
  std::vector<std::string> synced;
  FaultFileSystem watched([&](FaultPoint point, const std::string& path) -> Result<void> {
    if (point == FaultPoint::kSyncFolder) synced.push_back(path);
    return {};
  });
  for (int i = 0; i < 2; ++i) {  // the first may have died before it synced
    synced.clear();
    ASSERT_TRUE(MakeFoldersDurably(watched, folder / "a/b"));
    ASSERT_GE(synced.size(), 3u);
    EXPECT_EQ(synced.front(), "/");
    EXPECT_EQ(synced[synced.size() - 2], folder.path());
    EXPECT_EQ(synced.back(), folder / "a");
  }
}

TEST(Durable, AParentThatMayNotBeReadIsLeftAlone) {
  TempFolder folder;
  FaultFileSystem strict([&](FaultPoint point, const std::string& path) -> Result<void> {
    if (point != FaultPoint::kSyncFolder || path.size() >= folder.path().size()) return {};
    return Fail(ErrorCode::kPermissionDenied, "{}: not yours", path);
  });
  EXPECT_TRUE(MakeFoldersDurably(strict, folder / "a"));
  FaultFileSystem broken([&](FaultPoint point, const std::string& path) -> Result<void> {
    if (point != FaultPoint::kSyncFolder || path != folder.path()) return {};
    return Fail(ErrorCode::kDataLoss, "{}: EIO", path);
  });
  EXPECT_EQ(MakeFoldersDurably(broken, folder / "a").error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace beleg::io
