#include "verify/fsck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "verify/testing.h"

namespace beleg::verify {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestLog;

std::vector<std::string> Findings(const TestLog& log) {
  auto report = Fsck(log.Source(), log.vkey());
  EXPECT_TRUE(report.has_value()) << report.error().message;
  return report->findings;
}

TEST(Fsck, WholeLogsHaveNoFindings) {
  for (size_t size : {0, 1, 2, 70, 255, 256, 257, 511, 512, 513, 65537}) {
    TestLog log(size);
    std::vector<std::string> seen;
    auto report = Fsck(log.Source(), log.vkey(), [&](uint64_t index, std::string_view entry) {
      EXPECT_EQ(index, seen.size());
      seen.emplace_back(entry);
    });
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_THAT(report->findings, IsEmpty()) << size;
    EXPECT_EQ(report->entries, size);
    EXPECT_EQ(report->checkpoint, log.checkpoint());
    EXPECT_EQ(seen, log.entries);
  }
}

TEST(Fsck, GrownLogIsWholeAtAnOlderCheckpoint) {
  TestLog log(600);
  log.SignCheckpoint(300, log.RootAt(300));
  // The partial files of size 300 that have full ones by now were removed; level 1 has no full tile yet.
  log.files["tile/1/000.p/1"] = log.files["tile/1/000.p/2"].substr(0, 32);
  EXPECT_THAT(Findings(log), IsEmpty());
}

TEST(Fsck, APrunedFrontIsCheckedByItsHashes) {
  TestLog log(700);
  log.files.erase("tile/entries/000");
  log.files.erase("tile/entries/001");
  EXPECT_THAT(Findings(log), ElementsAre(HasSubstr("tile/entries/000"), HasSubstr("tile/entries/001")));
  auto report = Fsck(log.Source(), log.vkey(), {}, MissingFront::kIsPruned);
  ASSERT_TRUE(report.has_value());
  EXPECT_THAT(report->findings, IsEmpty());
  EXPECT_EQ(report->first_entry, 512u);
  EXPECT_EQ(report->entries, 188u);
  log.files["tile/0/001"][40] ^= 1;
  EXPECT_THAT(Fsck(log.Source(), log.vkey(), {}, MissingFront::kIsPruned)->findings,
              Contains(HasSubstr("checkpoint: root is")));
}

TEST(Fsck, AHoleBehindTheFrontIsNotPruned) {
  TestLog log(700);
  log.files.erase("tile/entries/001");
  EXPECT_THAT(Fsck(log.Source(), log.vkey(), {}, MissingFront::kIsPruned)->findings,
              ElementsAre(HasSubstr("tile/entries/001")));
}

TEST(Fsck, ChangedEntryIsFound) {
  TestLog log(300);
  log.files["tile/entries/000"][3 + 4 * 17] ^= 1;
  EXPECT_THAT(Findings(log),
              ElementsAre(HasSubstr("tile/0/000: hash at byte 544 is not that of entry 17"),
                          HasSubstr("tile/1/000.p/1: hash at byte 0 is not that of tile tile/0/000"),
                          HasSubstr("checkpoint: root is")));
}

TEST(Fsck, ChangedEntryInThePartialBundleIsFound) {
  TestLog log(300);
  log.files["tile/entries/001.p/44"].back() ^= 1;
  EXPECT_THAT(Findings(log),
              ElementsAre(HasSubstr("tile/0/001.p/44: hash at byte 1376 is not that of entry 299"),
                          HasSubstr("checkpoint: root is")));
}

TEST(Fsck, MissingBundleIsFoundAndTheRestIsChecked) {
  TestLog log(600);
  log.files.erase("tile/entries/000");
  log.files["tile/0/001"][0] ^= 1;
  EXPECT_THAT(Findings(log),
              ElementsAre("tile/entries/000: missing", HasSubstr("tile/0/001: hash at byte 0")));
}

TEST(Fsck, TornBundleIsFound) {
  TestLog log(300);
  log.files["tile/entries/000"].pop_back();
  EXPECT_THAT(Findings(log), ElementsAre(HasSubstr("tile/entries/000: entry 255 at byte 1020")));
  TestLog longer(300);
  longer.files["tile/entries/001.p/44"] += std::string("\0\1a", 3);
  EXPECT_THAT(Findings(longer), ElementsAre("tile/entries/001.p/44: 45 entries, want 44"));
  TestLog shorter(300);
  shorter.files["tile/entries/001.p/44"].resize(4 * 43);
  EXPECT_THAT(Findings(shorter), ElementsAre("tile/entries/001.p/44: 43 entries, want 44"));
}

TEST(Fsck, ChangedTileIsFoundAndTheRootIsStillRight) {
  TestLog log(300);
  log.files["tile/0/000"][32 * 5] ^= 1;
  log.files["tile/0/000"][32 * 9] ^= 1;
  EXPECT_THAT(Findings(log), ElementsAre("tile/0/000: hash at byte 160 is not that of entry 5 (and 1 more)"));
  TestLog upper(65537);
  upper.files["tile/1/000"][32 * 200] ^= 1;
  EXPECT_THAT(Findings(upper), ElementsAre("tile/1/000: hash at byte 6400 is not that of tile tile/0/200"));
  TestLog top(65537);
  top.files["tile/2/000.p/1"][0] ^= 1;
  EXPECT_THAT(Findings(top), ElementsAre("tile/2/000.p/1: hash at byte 0 is not that of tile tile/1/000"));
}

TEST(Fsck, EveryMissingFileIsFound) {
  TestLog whole(600);
  for (const auto& [path, bytes] : whole.files) {
    TestLog log(600);
    log.files.erase(path);
    EXPECT_THAT(Findings(log), Contains(path + ": missing"));
  }
}

TEST(Fsck, EveryChangedByteOfEveryFileIsFound) {
  TestLog whole(257);
  for (const auto& [path, bytes] : whole.files)
    for (size_t at = 0; at < bytes.size(); at += bytes.size() > 500 ? 97 : 1) {
      std::string kept = whole.files[path];
      whole.files[path][at] ^= 4;
      EXPECT_FALSE(Findings(whole).empty()) << path << " byte " << at;
      whole.files[path] = kept;
    }
}

TEST(Fsck, CutTailIsFound) {
  TestLog log(300);
  TestLog shorter(256);
  std::string checkpoint = log.files["checkpoint"];
  log.files = shorter.files;
  log.files["checkpoint"] = checkpoint;
  EXPECT_THAT(Findings(log), ElementsAre("tile/entries/001.p/44: missing", "tile/0/001.p/44: missing",
                                         HasSubstr("entries from 256 on")));
}

TEST(Fsck, CheckpointFarBeyondTheEntriesEnds) {
  TestLog log(300);
  log.SignCheckpoint(uint64_t{1} << 62, log.Root());
  EXPECT_FALSE(Findings(log).empty());
}

TEST(Fsck, SwappedOrderIsFound) {
  TestLog log(300);
  TestLog swapped(300);
  std::swap(swapped.entries[10], swapped.entries[20]);
  swapped.Write();
  log.files["tile/entries/000"] = swapped.files["tile/entries/000"];
  EXPECT_THAT(Findings(log),
              Contains(HasSubstr("tile/0/000: hash at byte 320 is not that of entry 10 (and 1 more)")));
  EXPECT_THAT(Findings(log), Contains(HasSubstr("checkpoint: root is")));
}

TEST(Fsck, RewrittenLogUnderAnOldCheckpointIsFound) {
  TestLog log(300);
  std::string checkpoint = log.files["checkpoint"];
  log.entries[7] = "rewritten";
  log.Write();
  log.files["checkpoint"] = checkpoint;
  EXPECT_THAT(Findings(log), ElementsAre(HasSubstr("checkpoint: root is")));
}

TEST(Fsck, BadSignatureIsFound) {
  TestLog log(300), other(300, "example.com/log", 8);
  std::string& note = log.files["checkpoint"];
  size_t digit = note.size() - 20;
  note[digit] = note[digit] == 'A' ? 'B' : 'A';
  EXPECT_THAT(Findings(log), ElementsAre(HasSubstr("signature of example.com/log is bad")));
  auto foreign = Fsck(other.Source(), log.vkey());
  ASSERT_TRUE(foreign.has_value());
  EXPECT_THAT(foreign->findings, ElementsAre(HasSubstr("no signature of example.com/log")));
}

TEST(Fsck, WrongOriginIsFound) {
  TestLog log(3);
  std::string text = fmt::format("example.com/other\n3\n{}\n", Base64Encode(AsView(log.Root())));
  log.files["checkpoint"] = testing::Sign(text, log.origin, *log.key);
  EXPECT_THAT(Findings(log), ElementsAre(HasSubstr("origin is \"example.com/other\"")));
}

TEST(Fsck, UnreadableCheckpointIsFound) {
  TestLog log(3);
  log.files["checkpoint"] = "nonsense";
  EXPECT_THAT(Findings(log), ElementsAre(HasSubstr("checkpoint: note")));
  log.files["checkpoint"] = testing::Sign("nonsense\n", log.origin, *log.key);
  EXPECT_THAT(Findings(log), ElementsAre(HasSubstr("checkpoint: line 2")));
}

TEST(Fsck, PartialFileDoesNotStandInForAFullOne) {
  TestLog log(300);
  std::string full = log.files["tile/0/000"];
  log.files.erase("tile/0/000");
  log.files["tile/0/000.p/255"] = full.substr(0, 255 * 32);
  EXPECT_THAT(Findings(log), ElementsAre("tile/0/000: missing"));
  TestLog bundle(300);
  bundle.files["tile/entries/000.p/255"] = bundle.files["tile/entries/000"].substr(0, 255 * 4);
  bundle.files.erase("tile/entries/000");
  EXPECT_THAT(Findings(bundle), ElementsAre("tile/entries/000: missing"));
}

TEST(Fsck, StopsAfterTooManyFindings) {
  TestLog log(257 * 1024);
  for (auto& [path, bytes] : log.files)
    if (path.starts_with("tile/0/")) bytes[0] ^= 1;
  std::vector<std::string> findings = Findings(log);
  ASSERT_EQ(findings.size(), kFindingsMax + 1);
  EXPECT_THAT(findings.back(), HasSubstr("more than 1000 findings"));
}

// As when it lies compressed and does not decompress.
TEST(Fsck, ABundleThatTheSourceCannotReadIsAFinding) {
  TestLog log(300);
  TileSource whole = log.Source();
  const TileSource broken = [&](const std::string& path) -> Result<std::string> {
    if (path == "tile/entries/000") return Fail(ErrorCode::kDataLoss, "/log/tile/entries/000.zst: cut short");
    return whole(path);
  };
  for (MissingFront front : {MissingFront::kIsFinding, MissingFront::kIsPruned}) {
    auto report = Fsck(broken, log.vkey(), {}, front);
    ASSERT_TRUE(report.has_value()) << report.error().message;
    EXPECT_THAT(report->findings, ElementsAre("tile/entries/000: /log/tile/entries/000.zst: cut short"));
    EXPECT_EQ(report->entries, 44u) << "the others are checked";
  }
}

TEST(Fsck, PassesTheSourcesErrorsOn) {
  TestLog log(300);
  for (std::string broken : {"checkpoint", "tile/entries/000", "tile/0/000", "tile/1/000.p/1"}) {
    TileSource whole = log.Source();
    auto report = Fsck(
        [&](const std::string& path) -> Result<std::string> {
          if (path == broken) return Fail(ErrorCode::kUnavailable, "gone");
          return whole(path);
        },
        log.vkey());
    ASSERT_FALSE(report.has_value()) << broken;
    EXPECT_EQ(report.error().code, ErrorCode::kUnavailable);
  }
}

}  // namespace
}  // namespace beleg::verify
