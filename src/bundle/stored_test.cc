#include "bundle/stored.h"

#include "bundle/testing.h"
#include "bundle/unpack.h"
#include "io/testing.h"
#include "wire/compress.h"

namespace beleg::bundle {
namespace {

class StoredTest : public testing::Test {
 protected:
  void Write(const std::string& name, std::string_view bytes) { WriteFile(fs_, temp_ / name, bytes); }

  io::FileSystem& fs_ = io::PosixFileSystem();
  io::TempFolder temp_;
  const std::string path_ = temp_ / "000";
};

TEST_F(StoredTest, EitherFormGivesThePlainBytes) {
  Write("000", "plain");
  EXPECT_EQ(ReadStored(fs_, path_), "plain");
  Write("001.zst", wire::ZstdCompress("was plain"));
  EXPECT_EQ(ReadStored(fs_, temp_ / "001"), "was plain");
  EXPECT_EQ(StoredSize(fs_, temp_ / "001"), wire::ZstdCompress("was plain").size());
}

TEST_F(StoredTest, NoFormIsNotFoundByThePlainName) {
  EXPECT_EQ(ReadStored(fs_, path_).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(StoredSize(fs_, path_).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(RemoveStored(fs_, path_)) << "nothing to remove is fine";
}

TEST_F(StoredTest, BothAreRemovedAndWhatAWriteLeft) {
  Write("000", "plain");
  Write("000.tmp", "pla");
  Write("000.zst", wire::ZstdCompress("plain"));
  Write("000.zst.tmp", wire::ZstdCompress("plain"));
  ASSERT_TRUE(RemoveStored(fs_, path_));
  EXPECT_EQ(fs_.List(temp_.path()), std::vector<std::string>());
}

TEST_F(StoredTest, DamageNamesTheCompressedFile) {
  const std::string whole = wire::ZstdCompress(BundleOf(EntriesUntil(kMidnight)));
  for (size_t size : {size_t{0}, size_t{3}, whole.size() / 2, whole.size() - 1}) {
    Write("000.zst", whole.substr(0, size));
    auto read = ReadStored(fs_, path_);
    ASSERT_FALSE(read) << size;
    EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
    EXPECT_TRUE(read.error().message.starts_with(path_ + ".zst: ")) << read.error().message;
  }
}

TEST_F(StoredTest, MoreThanABundleIsNotDecompressed) {
  Write("000.zst", wire::ZstdCompress(std::string(kBundleBytesMax, 'a')));
  EXPECT_EQ(ReadStored(fs_, path_)->size(), kBundleBytesMax);
  Write("001.zst", wire::ZstdCompress(std::string(kBundleBytesMax + 1, 'a')));
  EXPECT_EQ(ReadStored(fs_, temp_ / "001").error().code, ErrorCode::kDataLoss);
}

TEST_F(StoredTest, OfALogsFilesOnlyFullBundlesAreLookedForCompressed) {
  for (std::string name : {"tile/entries/000", "tile/entries/x001/x234/067"}) {
    Write(name + ".zst", wire::ZstdCompress("was plain"));
    EXPECT_EQ(ReadLogFile(fs_, temp_.path(), name), "was plain") << name;
  }
  for (std::string name : {"tile/entries/001.p/7", "tile/0/000", "checkpoint"}) {
    Write(name + ".zst", wire::ZstdCompress("was plain"));
    EXPECT_EQ(ReadLogFile(fs_, temp_.path(), name).error().code, ErrorCode::kNotFound) << name;
    Write(name, "plain");
    EXPECT_EQ(ReadLogFile(fs_, temp_.path(), name), "plain") << name;
  }
}

TEST_F(StoredTest, UnpackingStopsAtADamagedFileAndNamesIt) {
  Write("tile/entries/000.zst", wire::ZstdCompress("a"));
  Write("tile/entries/001.zst", "no zstd");
  auto count = Unpack(fs_, temp_.path());
  ASSERT_FALSE(count);
  EXPECT_NE(count.error().message.find("tile/entries/001.zst"), std::string::npos) << count.error().message;
  EXPECT_EQ(io::ReadFile(fs_, temp_ / "tile/entries/000"), "a");
  EXPECT_FALSE(fs_.Exists(temp_ / "tile/entries/000.zst").value());
}

}  // namespace
}  // namespace beleg::bundle
