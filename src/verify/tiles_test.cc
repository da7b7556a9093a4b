#include "verify/tiles.h"

#include <gtest/gtest.h>

#include "verify/proof.h"
#include "verify/testing.h"

namespace beleg::verify {
namespace {

using testing::Path;
using testing::Subproof;
using testing::TestLog;

constexpr size_t kSizes[] = {1, 2, 3, 70, 255, 256, 257, 511, 512, 513, 1000};

TileReader ReaderOf(const TestLog& log) { return TileReader(log.Source(), log.checkpoint()); }

// What every reader must refuse, whatever is asked.
void ExpectAllRefused(const TestLog& log) {
  for (uint64_t index : {0, 255, 256, 299}) {
    TileReader reader = ReaderOf(log);
    auto proof = reader.InclusionProof(index);
    ASSERT_FALSE(proof.has_value()) << index;
    EXPECT_EQ(proof.error().code, ErrorCode::kDataLoss);
  }
}

TEST(TilePath, FollowsTheSpecification) {
  EXPECT_EQ(TilePath(0, 1234067), "tile/0/x001/x234/067");
  EXPECT_EQ(TilePath(0, 0), "tile/0/000");
  EXPECT_EQ(TilePath(0, 999), "tile/0/999");
  EXPECT_EQ(TilePath(0, 1000), "tile/0/x001/000");
  EXPECT_EQ(TilePath(0, 273, 112), "tile/0/273.p/112");
  EXPECT_EQ(TilePath(1, 1, 17), "tile/1/001.p/17");
  EXPECT_EQ(TilePath(-1, 0), "tile/entries/000");
  EXPECT_EQ(TilePath(-1, 1234067, 8), "tile/entries/x001/x234/067.p/8");
}

TEST(TileWidth, FollowsTheSpecification) {
  EXPECT_EQ(TileWidth(0, 0, 0), 0);
  EXPECT_EQ(TileWidth(256, 0, 0), 256);
  EXPECT_EQ(TileWidth(256, 0, 1), 0);
  EXPECT_EQ(TileWidth(256, 1, 0), 1);
  EXPECT_EQ(TileWidth(256, -1, 0), 256);
  EXPECT_EQ(TileWidth(70000, 0, 272), 256);
  EXPECT_EQ(TileWidth(70000, 0, 273), 112);
  EXPECT_EQ(TileWidth(70000, 0, 274), 0);
  EXPECT_EQ(TileWidth(70000, 0, 275), 0);
  EXPECT_EQ(TileWidth(70000, 1, 0), 256);
  EXPECT_EQ(TileWidth(70000, 1, 1), 17);
  EXPECT_EQ(TileWidth(70000, 2, 0), 1);
  EXPECT_EQ(TileWidth(70000, 3, 0), 0);
  EXPECT_EQ(TileWidth(UINT64_MAX, 7, 0), 255);
  EXPECT_EQ(TileWidth(UINT64_MAX, 8, 0), 0);
  EXPECT_EQ(TileWidth(UINT64_MAX, 63, 0), 0);
}

// The vectors hold for the builder, so what is tested against it is tested against them.
TEST(TestLogBuilder, WritesThePublishedBytes) {
  TestLog three({"a", "b", "c"});
  EXPECT_EQ(HexEncode(three.files.at("tile/entries/000.p/3")), "000161000162000163");
  EXPECT_EQ(HexEncode(AsView(three.leaves[0])),
            "022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c");
  TestLog log(256);
  EXPECT_EQ(HexEncode(AsView(wire::Sha256(log.files.at("tile/0/000")))),
            "9e49076d1801028174bcf90fff1a270d962bfee444b3e82c356f21eeaefaf113");
  EXPECT_EQ(HexEncode(log.files.at("tile/1/000.p/1")),
            "16284532241f522a3fba7a0ae0863cb456ad381219176c2d424516ac230e3110");
  EXPECT_EQ(HexEncode(AsView(log.Root())),
            "16284532241f522a3fba7a0ae0863cb456ad381219176c2d424516ac230e3110");
}

TEST(SplitBundle, CutsAtTheLengths) {
  auto entries = SplitBundle(std::string_view("\0\1a\0\0\0\2bc", 9));
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  EXPECT_EQ(*entries, (std::vector<std::string>{"a", "", "bc"}));
  EXPECT_TRUE(SplitBundle("")->empty());
  std::string large("\xFF\xFF", 2);
  large.append(65535, 'x');
  EXPECT_EQ(SplitBundle(large)->at(0).size(), 65535u);
}

TEST(SplitBundle, NamesTheByteThatIsWrong) {
  auto cut_length = SplitBundle(std::string_view("\0\1a\0", 4));
  ASSERT_FALSE(cut_length.has_value());
  EXPECT_EQ(cut_length.error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(cut_length.error().message.contains("byte 3"));
  auto cut_entry = SplitBundle(std::string_view("\0\1a\0\3bc", 7));
  ASSERT_FALSE(cut_entry.has_value());
  EXPECT_TRUE(cut_entry.error().message.contains("byte 3"));
}

TEST(TileReader, GivesEveryLeafHashAndInclusionProof) {
  for (size_t size : kSizes) {
    TestLog log(size);
    TileReader reader = ReaderOf(log);
    for (size_t index = 0; index < size; index += size > 100 ? 7 : 1) {
      auto leaf = reader.LeafHash(index);
      ASSERT_TRUE(leaf.has_value()) << leaf.error().message;
      EXPECT_EQ(*leaf, log.leaves[index]);
      auto proof = reader.InclusionProof(index);
      ASSERT_TRUE(proof.has_value()) << proof.error().message;
      EXPECT_EQ(*proof, Path(log.leaves, index, 0, size)) << index << " of " << size;
    }
  }
}

TEST(TileReader, GivesEveryConsistencyProof) {
  for (size_t size : {1, 2, 9, 70, 255, 256, 257, 300}) {
    TestLog log(size);
    TileReader reader = ReaderOf(log);
    for (size_t old_size = 1; old_size <= size; ++old_size) {
      auto proof = reader.ConsistencyProof(old_size);
      ASSERT_TRUE(proof.has_value()) << proof.error().message;
      EXPECT_EQ(*proof, Subproof(log.leaves, old_size, 0, size, true)) << old_size << " to " << size;
    }
    EXPECT_TRUE(reader.ConsistencyProof(0)->empty());
  }
}

TEST(TileReader, CrossesTheThirdLevel) {
  TestLog log(65537);
  TileReader reader = ReaderOf(log);
  Hash32 root = log.Root();
  for (uint64_t index : {0, 1, 255, 256, 32768, 65279, 65280, 65535, 65536}) {
    auto proof = reader.InclusionProof(index);
    ASSERT_TRUE(proof.has_value()) << proof.error().message;
    EXPECT_TRUE(CheckInclusion(log.leaves[index], index, 65537, *proof, root).has_value()) << index;
  }
  for (uint64_t old_size : {1, 255, 256, 257, 40000, 65535, 65536, 65537}) {
    auto proof = reader.ConsistencyProof(old_size);
    ASSERT_TRUE(proof.has_value()) << proof.error().message;
    EXPECT_TRUE(CheckConsistency(old_size, log.RootAt(old_size), 65537, root, *proof).has_value())
        << old_size;
  }
  // More tiles than are kept.
  auto entries = reader.Entries(1000, 20000);
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  EXPECT_EQ(*entries, std::vector<std::string>(log.entries.begin() + 1000, log.entries.begin() + 21000));
}

TEST(TileReader, GivesEntriesOfAnyRange) {
  TestLog log(600);
  TileReader reader = ReaderOf(log);
  for (auto [first, count] : std::vector<std::pair<size_t, size_t>>{{0, 0},
                                                                    {0, 1},
                                                                    {0, 256},
                                                                    {0, 257},
                                                                    {255, 2},
                                                                    {256, 256},
                                                                    {300, 300},
                                                                    {599, 1},
                                                                    {600, 0},
                                                                    {0, 600}}) {
    auto entries = reader.Entries(first, count);
    ASSERT_TRUE(entries.has_value()) << entries.error().message;
    EXPECT_EQ(*entries,
              std::vector<std::string>(log.entries.begin() + static_cast<ptrdiff_t>(first),
                                       log.entries.begin() + static_cast<ptrdiff_t>(first + count)));
  }
}

TEST(TileReader, RefusesWhatIsBeyondTheCheckpoint) {
  TestLog log(300);
  TileReader reader = ReaderOf(log);
  EXPECT_EQ(reader.LeafHash(300).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(reader.InclusionProof(300).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(reader.ConsistencyProof(301).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(reader.Entries(299, 2).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(reader.Entries(301, 0).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(reader.Entries(1, UINT64_MAX).error().code, ErrorCode::kInvalidArgument);
}

TEST(TileReader, ReadsAnOlderCheckpointFromFullTiles) {
  TestLog log(600);
  // The partial files of size 300 that have full ones by now were removed; level 1 has no full tile yet.
  log.files["tile/1/000.p/1"] = log.files["tile/1/000.p/2"].substr(0, 32);
  TileReader reader(log.Source(), Checkpoint{log.origin, 300, log.RootAt(300)});
  auto proof = reader.InclusionProof(270);
  ASSERT_TRUE(proof.has_value()) << proof.error().message;
  EXPECT_TRUE(CheckInclusion(log.leaves[270], 270, 300, *proof, log.RootAt(300)).has_value());
  EXPECT_EQ(reader.Entries(290, 10)->at(9), log.entries[299]);
}

TEST(TileReader, RefusesAnotherRoot) {
  TestLog log(300);
  log.leaves[5] = wire::MerkleLeafHash("other");
  TestLog true_log(300);
  TileReader reader(true_log.Source(), log.checkpoint());
  auto proof = reader.InclusionProof(7);
  ASSERT_FALSE(proof.has_value());
  EXPECT_EQ(proof.error().code, ErrorCode::kDataLoss);
}

TEST(TileReader, RefusesChangedAndMissingTiles) {
  for (std::string path : {"tile/0/001.p/44", "tile/1/000.p/1"}) {
    TestLog changed(300);
    changed.files[path][0] ^= 1;
    ExpectAllRefused(changed);
    TestLog cut(300);
    cut.files[path].pop_back();
    ExpectAllRefused(cut);
    TestLog missing(300);
    missing.files.erase(path);
    ExpectAllRefused(missing);
  }
  TestLog changed(300);
  changed.files["tile/0/000"][8191] ^= 1;
  TileReader reader = ReaderOf(changed);
  EXPECT_EQ(reader.InclusionProof(3).error().code, ErrorCode::kDataLoss);
  // What does not need that tile is still there.
  EXPECT_TRUE(reader.InclusionProof(299).has_value());
}

TEST(TileReader, RefusesChangedEntries) {
  TestLog log(300);
  log.files["tile/entries/000"][3] ^= 1;
  TileReader reader = ReaderOf(log);
  auto entries = reader.Entries(0, 1);
  ASSERT_FALSE(entries.has_value());
  EXPECT_EQ(entries.error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(reader.Entries(1, 299).has_value());
  log.files.erase("tile/entries/001.p/44");
  EXPECT_EQ(reader.Entries(256, 1).error().code, ErrorCode::kDataLoss);
  log.files["tile/entries/001.p/44"] = std::string("\0\1a", 3);
  EXPECT_EQ(reader.Entries(256, 1).error().code, ErrorCode::kDataLoss);
}

TEST(TileReader, PassesTheSourcesErrorsOn) {
  TileReader reader(
      [](const std::string&) -> Result<std::string> { return Fail(ErrorCode::kUnavailable, "gone"); },
      Checkpoint{"x", 10, {}});
  EXPECT_EQ(reader.LeafHash(0).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(reader.Entries(0, 1).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace beleg::verify
