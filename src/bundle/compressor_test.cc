#include "bundle/compressor.h"

#include "base/log.h"
#include "bundle/testing.h"
#include "bundle/unpack.h"
#include "io/simulated_disk.h"

namespace beleg::bundle {
namespace {

const std::string kFolder = "/log/public";
const std::string kFirst = kFolder + "/tile/entries/000";

class CompressorTest : public testing::Test {
 protected:
  Compressor Make() {
    return Compressor({.fs = &disk_,
                       .clock = &clock_,
                       .folder = kFolder,
                       .size = [this] { return size_; },
                       .before_first = [this]() -> Result<void> {
                         ++firsts_;
                         return {};
                       }});
  }
  bool Has(const std::string& path) { return disk_.Exists(path).value(); }

  io::SimulatedDisk disk_{1};
  ManualClock clock_{kMidnight + 1};
  uint64_t size_ = 100 * kBundleLeaves;
  int firsts_ = 0;
};

TEST_F(CompressorTest, ABundleOfYesterdayLiesCompressedAndReadsTheSame) {
  const auto entries = EntriesUntil(kMidnight - 1);
  WriteBundle(disk_, kFolder, "000", entries);
  WriteBundle(disk_, kFolder, "001", entries);
  Compressor compressor = Make();
  EXPECT_EQ(CompressAll(compressor), 2);
  EXPECT_FALSE(Has(kFirst));
  EXPECT_TRUE(Has(kFirst + ".zst"));
  EXPECT_EQ(ReadStored(disk_, kFirst), BundleOf(entries));
  EXPECT_LT(StoredSize(disk_, kFirst).value() * 3, BundleOf(entries).size());
  EXPECT_EQ(firsts_, 1);
}

TEST_F(CompressorTest, OneRecordOfTodayKeepsABundlePlainUntilMidnight) {
  WriteBundle(disk_, kFolder, "000", EntriesUntil(kMidnight));
  Compressor compressor = Make();
  EXPECT_EQ(CompressAll(compressor), 0);
  EXPECT_TRUE(Has(kFirst));
  clock_.AdvanceMicros(kDayMicros - 2);
  EXPECT_EQ(CompressAll(compressor), 0);
  clock_.AdvanceMicros(1);
  EXPECT_EQ(CompressAll(compressor), 1);
  EXPECT_FALSE(Has(kFirst));
}

TEST_F(CompressorTest, WhatNoCheckpointCoversStaysPlain) {
  WriteBundle(disk_, kFolder, "000", EntriesUntil(kMidnight - 1));
  WriteBundle(disk_, kFolder, "001", EntriesUntil(kMidnight - 1));
  size_ = 2 * kBundleLeaves - 1;
  Compressor compressor = Make();
  EXPECT_EQ(CompressAll(compressor), 1);
  EXPECT_TRUE(Has(kFolder + "/tile/entries/001"));
}

TEST_F(CompressorTest, AllFoldersAreLookedAtAndPartialBundlesNot) {
  WriteBundle(disk_, kFolder, "999", EntriesUntil(kMidnight - 1));
  WriteBundle(disk_, kFolder, "x001/000", EntriesUntil(kMidnight - 1));
  WriteBundle(disk_, kFolder, "x001/x234/067", EntriesUntil(kMidnight - 1));
  WriteFile(disk_, kFolder + "/tile/entries/x001/x234/068.p/255", "partial");
  size_ = 1'234'068 * kBundleLeaves;
  Compressor compressor = Make();
  EXPECT_EQ(CompressAll(compressor), 3);
  EXPECT_TRUE(Has(kFolder + "/tile/entries/x001/x234/067.zst"));
  EXPECT_TRUE(Has(kFolder + "/tile/entries/x001/x234/068.p/255"));
}

TEST_F(CompressorTest, WhatIsBrokenIsLeftAsItIs) {
  SetLogLevel("off");
  auto entries = EntriesUntil(kMidnight - 1);
  for (const char* name : {"000", "001", "002", "003", "004"}) WriteBundle(disk_, kFolder, name, entries);
  const std::string bundles = kFolder + "/tile/entries/", whole = BundleOf(entries);
  WriteFile(disk_, bundles + "000", whole.substr(0, whole.size() - 1));
  std::swap(entries[3], entries[4]);  // records, but others than the tile has
  WriteFile(disk_, bundles + "001", BundleOf(entries));
  entries[7] = "no record";
  WriteBundle(disk_, kFolder, "002", entries);
  ASSERT_TRUE(disk_.Remove(kFolder + "/tile/0/003"));
  Compressor compressor = Make();
  EXPECT_EQ(CompressAll(compressor), 1) << "the last one";
  EXPECT_EQ(io::ReadFile(disk_, bundles + "001"), BundleOf([&] {
              auto swapped = EntriesUntil(kMidnight - 1);
              std::swap(swapped[3], swapped[4]);
              return swapped;
            }()));
  for (const char* name : {"000", "001", "002", "003"}) {
    EXPECT_TRUE(Has(bundles + name)) << name;
    EXPECT_FALSE(Has(bundles + name + ".zst")) << name;
  }
  EXPECT_TRUE(Has(bundles + "004.zst"));
  SetLogLevel("info");
}

TEST_F(CompressorTest, AFullDiskIsWaitedForAndTheFirstIsStillToldOf) {
  WriteBundle(disk_, kFolder, "000", EntriesUntil(kMidnight - 1));
  Compressor compressor = Make();
  disk_.SetCapacity(disk_.used_bytes() + 10);
  for (int i = 0; i < 2; ++i) {
    auto did = compressor.Step();
    ASSERT_FALSE(did);
    EXPECT_EQ(did.error().code, ErrorCode::kResourceExhausted);
    EXPECT_TRUE(Has(kFirst));
    EXPECT_FALSE(Has(kFirst + ".zst"));
  }
  disk_.SetCapacity(std::nullopt);
  EXPECT_EQ(CompressAll(compressor), 1);
  EXPECT_GE(firsts_, 1);
}

TEST_F(CompressorTest, AFailedSyncIsAnErrorAndTheBundleIsThere) {
  const auto entries = EntriesUntil(kMidnight - 1);
  WriteBundle(disk_, kFolder, "000", entries);
  Compressor compressor = Make();
  disk_.SetFault([](const io::DiskCall& call) -> Result<void> {
    return call.act == io::DiskAct::kSync ? Result<void>(Fail(ErrorCode::kDataLoss, "EIO")) : Result<void>();
  });
  auto did = compressor.Step();
  ASSERT_FALSE(did);
  EXPECT_EQ(did.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(ReadStored(disk_, kFirst), BundleOf(entries));
}

// Compression and unpacking stopped at their n-th call, by a kill, a power cut or a disk that fails: each bundle is there in a form that
// reads right, and the next run ends it.
TEST(CompressorCrash, StoppingAnywhereLosesNothing) {
  SetLogLevel("off");
  const std::string first = BundleOf(EntriesUntil(kMidnight - 1)),
                    second = BundleOf(EntriesUntil(kMidnight - 2));
  bool stopped_with_both = false, ended = false;
  for (uint64_t call = 1; !ended; ++call) {
    for (int how = 0; how < 9; ++how) {
      io::SimulatedDisk disk(call * 10 + static_cast<uint64_t>(how));
      ManualClock clock(kMidnight);
      WriteBundle(disk, kFolder, "000", EntriesUntil(kMidnight - 1));
      WriteBundle(disk, kFolder, "001", EntriesUntil(kMidnight - 2));
      const auto compress = [&] {
        Compressor compressor(
            {.fs = &disk, .clock = &clock, .folder = kFolder, .size = [] { return 2 * kBundleLeaves; }});
        return CompressAll(compressor);
      };
      const uint64_t start = disk.calls();
      if (how % 3 == 0) disk.KillAt(start + call);
      if (how % 3 != 0) disk.SetFault(io::FailsFrom(start + call));
      if (compress()) std::ignore = Unpack(disk, kFolder);
      ended = disk.calls() < start + call;
      disk.SetFault({});
      if (how % 3 == 1)
        disk.CutPower();
      else
        disk.Kill();
      stopped_with_both =
          stopped_with_both || (disk.Exists(kFirst).value() && disk.Exists(kFirst + ".zst").value());
      EXPECT_EQ(ReadStored(disk, kFirst), first) << "call " << call << " how " << how;
      EXPECT_EQ(ReadStored(disk, kFolder + "/tile/entries/001"), second) << "call " << call << " how " << how;
      ASSERT_TRUE(compress());
      EXPECT_FALSE(disk.Exists(kFirst).value());
      EXPECT_EQ(ReadStored(disk, kFirst), first) << "call " << call << " how " << how;
      ASSERT_TRUE(Unpack(disk, kFolder));
      EXPECT_FALSE(disk.Exists(kFirst + ".zst").value());
      ASSERT_EQ(ReadStored(disk, kFirst), first) << "call " << call << " how " << how;
    }
  }
  EXPECT_TRUE(stopped_with_both) << "no crash came between the two forms";
  SetLogLevel("info");
}

}  // namespace
}  // namespace beleg::bundle
