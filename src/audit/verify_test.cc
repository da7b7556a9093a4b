#include "audit/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/pinned_keys.h"
#include "audit/testing.h"
#include "io/durable.h"
#include "io/testing.h"

namespace beleg::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using verify::testing::TestLog;

constexpr std::string_view kSecret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

class VerifyTest : public ::testing::Test {
 protected:
  std::string Write(std::string_view name, std::string_view bytes) {
    EXPECT_TRUE(io::WriteFileDurably(io::PosixFileSystem(), folder_ / name, bytes).has_value());
    return folder_ / name;
  }
  VerifyResult Verify(std::vector<std::string> files, std::string entry = "") {
    auto result = VerifyFiles({.files = std::move(files), .policy = policy_, .entry = std::move(entry)});
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return std::move(*result);
  }

  io::TempFolder folder_;
  TestLog log_{SampleEntries()};
  verify::Policy policy_ = *verify::Policy::Make({log_.vkey()}, {}, 0);
  std::string hex_ = std::string(32, 'a');
};

TEST_F(VerifyTest, ProofAndTheEntryBesideIt) {
  std::string proof = Write("x.tlog-proof", ProofText(log_, 3));
  Write("x.json", log_.entries[3]);
  VerifyResult result = Verify({proof});
  EXPECT_EQ(result.verdict(), Verdict::kGood);
  EXPECT_EQ(RenderText(result),
            "GOOD     " + proof +
                ": proof: the entry is leaf 3 of example.com/log, under its signed checkpoint of size 16\n");
}

TEST_F(VerifyTest, ProofAndAGivenEntry) {
  std::string proof = Write("proof", ProofText(log_, 3));
  EXPECT_EQ(Verify({proof}, Write("entry", log_.entries[3])).verdict(), Verdict::kGood);
  VerifyResult other = Verify({proof}, Write("other", log_.entries[4]));
  EXPECT_EQ(other.verdict(), Verdict::kBad);
  EXPECT_THAT(RenderText(other), HasSubstr("BAD      " + proof + ": inclusion proof: "));
}

TEST_F(VerifyTest, ProofWithoutEntryShowsNothing) {
  VerifyResult result = Verify({Write("x.tlog-proof", ProofText(log_, 3))});
  EXPECT_EQ(result.verdict(), Verdict::kUnknown);
  EXPECT_THAT(result.items[0].judgement.text, HasSubstr("--entry"));
}

TEST_F(VerifyTest, ReceiptsAreReadAsTheyCame) {
  std::string file = Write("headers", "HTTP/1.1 200 OK\r\nAudit-Begin: " + BeginReceiptText(log_, hex_) +
                                          "\r\nAudit-Finish: " + FinishReceiptText(log_, 2, hex_) + "\r\n");
  VerifyResult result = Verify({file});
  EXPECT_EQ(result.verdict(), Verdict::kGood) << RenderText(result);
  ASSERT_THAT(result.items, SizeIs(2));
  EXPECT_EQ(result.items[0].judgement.text,
            "begin receipt: example.com/log promised at 2026-11-24T06:00:00.000000Z a record of request " +
                hex_ +
                " by 2026-11-24T06:10:00.000000Z (boot b0b1b2b3b4b5b6b7, seq 48213, trace "
                "0102030405060708090a0b0c0d0e0f10)");
  EXPECT_EQ(result.items[1].judgement.text, "finish receipt: example.com/log says that request " + hex_ +
                                                " is leaf 2, hash " + HexEncode(AsView(log_.leaves[2])));
}

TEST_F(VerifyTest, FinishReceiptIsComparedWithTheEntry) {
  std::string receipt = FinishReceiptText(log_, 2, hex_) + "." + std::string(kSecret);
  std::string file = Write("receipt", ": audit-finish " + receipt + "\n");
  VerifyResult good = Verify({file}, Write("entry", log_.entries[2]));
  EXPECT_EQ(good.verdict(), Verdict::kGood);
  EXPECT_THAT(good.items[0].judgement.text,
              HasSubstr("; it is this entry; with the secret of its commitment"));
  VerifyResult bad = Verify({file}, Write("entry", log_.entries[1]));
  EXPECT_EQ(bad.verdict(), Verdict::kBad);
  EXPECT_THAT(bad.items[0].judgement.text, HasSubstr("its leaf hash is not that of this entry"));
}

TEST_F(VerifyTest, ReceiptOfAnotherKeyFails) {
  TestLog other(9, log_.origin, 99);
  EXPECT_EQ(Verify({Write("receipt", FinishReceiptText(other, 2, hex_))}).verdict(), Verdict::kBad);
}

TEST_F(VerifyTest, OneBadFileIsEnough) {
  std::string good = Write("good", FinishReceiptText(log_, 2, hex_));
  EXPECT_EQ(Verify({good, good}).verdict(), Verdict::kGood);
  VerifyResult mixed = Verify({good, Write("bad", "something else\n")});
  EXPECT_EQ(mixed.verdict(), Verdict::kUnknown);
  EXPECT_THAT(mixed.items, SizeIs(2));
  EXPECT_THAT(mixed.items[1].judgement.text, HasSubstr("neither a tlog-proof"));
  EXPECT_EQ(Verify({}).verdict(), Verdict::kUnknown);
}

TEST_F(VerifyTest, UnreadableFilesAreErrors) {
  auto missing = VerifyFiles({.files = {folder_ / "none"}, .policy = policy_, .entry = ""});
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  auto no_entry = VerifyFiles(
      {.files = {Write("proof", ProofText(log_, 0))}, .policy = policy_, .entry = folder_ / "none"});
  EXPECT_EQ(no_entry.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(VerifyTest, ReceiptsAreFoundInsideJson) {
  const std::string body =
      fmt::format(R"({{"begin":"{}","finish":"{}.{}","version":"v1.2"}})", BeginReceiptText(log_, hex_),
                  FinishReceiptText(log_, 2, hex_), kSecret);
  VerifyResult result = Verify({Write("receipts.json", body)});
  EXPECT_EQ(result.verdict(), Verdict::kGood) << RenderText(result);
  EXPECT_THAT(result.items, SizeIs(2));
}

TEST_F(VerifyTest, EvidenceOfAnUnknownLogIsUnknown) {
  TestLog other(SampleEntries(), "example.org/other");
  Write("x.json", other.entries[3]);
  VerifyResult result = Verify(
      {Write("receipt", FinishReceiptText(other, 2, hex_)), Write("x.tlog-proof", ProofText(other, 3))});
  EXPECT_EQ(result.items[0].judgement.verdict, Verdict::kUnknown);
  EXPECT_EQ(result.items[1].judgement.verdict, Verdict::kUnknown);
}

TEST_F(VerifyTest, AProofIsUnknownUntilItsWitnessesCosigned) {
  auto key = verify::testing::TestKey(21), stranger = verify::testing::TestKey(22);
  PinnedKeys keys{.vkeys = {log_.vkey_text()}, .witnesses = {WitnessKey("witness.example", *key)}};
  policy_ = *ReadPolicy(keys);
  Write("x.json", log_.entries[3]);
  const std::string proof = ProofText(log_, 3);
  EXPECT_EQ(Verify({Write("x.tlog-proof", proof)}).verdict(), Verdict::kUnknown);
  std::string& note = log_.files["checkpoint"];
  note = Cosigned(note, "witness.example", *stranger, 1'795'500'003);
  EXPECT_EQ(Verify({Write("x.tlog-proof", ProofText(log_, 3))}).verdict(), Verdict::kUnknown);
  note = Cosigned(note, "witness.example", *key, 1'795'500'003);
  VerifyResult good = Verify({Write("x.tlog-proof", ProofText(log_, 3))});
  EXPECT_EQ(good.verdict(), Verdict::kGood) << RenderText(good);
  EXPECT_THAT(good.items[0].judgement.text, HasSubstr("cosigned by witness.example at 2026-11-24T06:00:03"));

  keys.quorum = 2;
  EXPECT_EQ(ReadPolicy(keys).error().code, ErrorCode::kInvalidArgument);
  keys.quorum = 0;
  policy_ = *ReadPolicy(keys);
  EXPECT_EQ(Verify({Write("x.tlog-proof", proof)}).verdict(), Verdict::kGood);
}

TEST_F(VerifyTest, AFolderIsABundleOfEvidence) {
  const std::string bundle = folder_ / "bundle";
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(bundle + "/inner"));
  Write("bundle/a.tlog-proof", ProofText(log_, 3));
  Write("bundle/a.json", log_.entries[3]);
  Write("bundle/inner/receipts.txt", FinishReceiptText(log_, 2, hex_) + "\n");
  Write("bundle/checkpoint.note", log_.files.at("checkpoint"));
  Write("bundle/README", "Evidence of one request.\n");
  VerifyResult result = Verify({bundle});
  EXPECT_EQ(result.verdict(), Verdict::kGood) << RenderText(result);
  EXPECT_THAT(result.items, SizeIs(3));
  Write("bundle/b.tlog-proof", "damaged");
  Write("bundle/b.json", "{}");
  EXPECT_EQ(Verify({bundle}).verdict(), Verdict::kBad);
}

TEST_F(VerifyTest, AFolderWithALogIsCheckedWhole) {
  WriteLog(log_, folder_ / "log");
  VerifyResult result = Verify({folder_ / "log"});
  EXPECT_EQ(result.verdict(), Verdict::kGood) << RenderText(result);
  EXPECT_THAT(result.items, SizeIs(1));
  std::string tile = log_.files.at("tile/0/000.p/" + std::to_string(log_.entries.size()));
  tile[40] ^= 1;
  Write("log/tile/0/000.p/" + std::to_string(log_.entries.size()), tile);
  EXPECT_EQ(Verify({folder_ / "log"}).verdict(), Verdict::kBad);
}

TEST_F(VerifyTest, EvidenceIsComparedWithALog) {
  WriteLog(log_, folder_ / "log");
  Write("x.json", log_.entries[3]);
  std::vector<std::string> files = {Write("x.tlog-proof", ProofText(log_, 3)),
                                    Write("receipt", FinishReceiptText(log_, 2, hex_)),
                                    Write("kept.note", log_.files.at("checkpoint"))};
  auto verify = [&] {
    return *VerifyFiles({.files = files, .policy = policy_, .entry = "", .against = {folder_ / "log", ""}});
  };
  VerifyResult same = verify();
  EXPECT_EQ(same.verdict(), Verdict::kGood) << RenderText(same);
  EXPECT_THAT(same.items[0].judgement.text, HasSubstr("the log begins with this tree"));

  // The operator writes the log anew without its third entry, and signs it with the real key.
  TestLog rewritten(SampleEntries());
  rewritten.entries.erase(rewritten.entries.begin() + 2);
  rewritten.entries.push_back("{}");
  rewritten.Write();
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder_ / "log"));
  WriteLog(rewritten, folder_ / "log");
  VerifyResult changed = verify();
  for (const VerifiedItem& item : changed.items)
    EXPECT_EQ(item.judgement.verdict, Verdict::kBad) << item.judgement.text;
}

TEST_F(VerifyTest, ALogThatIsNotThereIsAnError) {
  auto result = VerifyFiles({.files = {Write("receipt", FinishReceiptText(log_, 2, hex_))},
                             .policy = policy_,
                             .entry = "",
                             .against = {folder_ / "none", ""}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
}

TEST(PinnedKeys, KeysOrAPolicyFileButNotBoth) {
  io::TempFolder folder;
  TestLog log(3);
  const std::string file = folder / "policy";
  ASSERT_TRUE(io::WriteFileDurably(io::PosixFileSystem(), file,
                                   fmt::format("log {}\nquorum none\n", log.vkey_text())));
  EXPECT_TRUE(ReadPolicy({.policy_file = file}));
  EXPECT_TRUE(ReadPolicy({.vkeys = {log.vkey_text()}}));
  EXPECT_EQ(ReadPolicy({}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReadPolicy({.vkeys = {log.vkey_text()}, .policy_file = file}).error().code,
            ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReadPolicy({.vkeys = {"nonsense"}}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ReadPolicy({.policy_file = folder / "none"}).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::audit
