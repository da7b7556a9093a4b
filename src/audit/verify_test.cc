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
using ::testing::Not;
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

TEST_F(VerifyTest, WhatIsCutIsNotPassedOver) {
  const std::string receipt = FinishReceiptText(log_, 2, hex_), note = log_.files.at("checkpoint");
  for (const auto& [name, bytes] : std::map<std::string, std::string>{
           {"headers", "Audit-Finish: " + receipt.substr(0, 60)},
           {"stream", ": audit-finish " + receipt.substr(0, receipt.rfind('.')) + "\n"},
           {"head.note", note.substr(0, note.find('\n') + 3)}}) {
    const std::string bundle = folder_ / ("bundle-" + name);
    ASSERT_TRUE(io::PosixFileSystem().MakeFolders(bundle));
    Write("bundle-" + name + "/" + name, bytes);
    Write("bundle-" + name + "/whole", receipt);
    VerifyResult result = Verify({bundle});
    EXPECT_EQ(result.verdict(), Verdict::kBad) << RenderText(result);
  }
}

TEST_F(VerifyTest, FilesThatAreNoEvidenceAreNamed) {
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder_ / "bundle"));
  Write("bundle/a.tlog-proof", ProofText(log_, 3));
  Write("bundle/a.json", log_.entries[3]);
  Write("bundle/README", "An answer has the header Audit-Begin.\n");
  VerifyResult result = Verify({folder_ / "bundle"});
  EXPECT_EQ(result.verdict(), Verdict::kGood);
  EXPECT_EQ(result.skipped, std::vector<std::string>{folder_ / "bundle/README"});
  EXPECT_THAT(RenderText(result), HasSubstr("skipped  "));
}

TEST_F(VerifyTest, TwoSignedStatementsThatContradictEachOtherAreBad) {
  TestLog other(SampleEntries());
  other.entries[2] = other.entries[3];
  other.Write();
  const std::string a = Write("a", log_.files.at("checkpoint")), b = Write("b", other.files.at("checkpoint"));
  VerifyResult trees = Verify({a, b});
  EXPECT_EQ(trees.verdict(), Verdict::kBad);
  EXPECT_THAT(trees.items[1].judgement.text,
              HasSubstr("contradicts " + a + ": another root for the same size"));
  Write("x.json", log_.entries[2]);
  VerifyResult leaves =
      Verify({Write("x.tlog-proof", ProofText(log_, 2)), Write("r", FinishReceiptText(other, 2, hex_))});
  EXPECT_THAT(leaves.items[1].judgement.text, HasSubstr("another leaf 2"));
  EXPECT_EQ(Verify({a, a}).verdict(), Verdict::kGood);
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

// A log whose key was changed after leaf 15: leaf 16 says so, and two more follow.
class KeyChangeTest : public VerifyTest {
 protected:
  KeyChangeTest() {
    old_vkey_ = log_.vkey_text();
    old_finish_ = FinishReceiptText(log_, 2, hex_);
    ChangeKey(log_, 8, {log_.entries[4], log_.entries[5]});
    new_finish_ = FinishReceiptText(log_, 17, hex_);
    old_key_.entries = log_.entries;
    old_key_.Write();
    WriteLog(log_, folder_ / "log");
    keys_ = Write("keys", log_.files.at("keys/001.tlog-proof"));
  }
  VerifyResult VerifyWith(const std::string& vkey, std::vector<std::string> files,
                          std::vector<std::string> keys, LogPlace against = {}) {
    auto policy = ReadPolicy({.vkeys = {vkey}, .key_proofs = std::move(keys)});
    EXPECT_TRUE(policy) << policy.error().message;
    auto result =
        VerifyFiles({.files = std::move(files), .policy = *policy, .entry = "", .against = against});
    EXPECT_TRUE(result) << result.error().message;
    return *result;
  }

  std::string old_vkey_, old_finish_, new_finish_, keys_;
  TestLog old_key_{size_t{0}};  // what a thief of the old key signs of the same log
};

TEST_F(KeyChangeTest, EitherKeyLeadsToTheOther) {
  const std::string before = Write("before", old_finish_), after = Write("after", new_finish_);
  VerifyResult from_old = VerifyWith(old_vkey_, {before, after}, {keys_});
  EXPECT_EQ(from_old.verdict(), Verdict::kGood) << RenderText(from_old);
  EXPECT_THAT(from_old.items[0].judgement.text, Not(HasSubstr("signed by key")));
  EXPECT_THAT(from_old.items[1].judgement.text, HasSubstr("which follows from the pinned"));
  VerifyResult from_new = VerifyWith(log_.vkey_text(), {before, after}, {keys_});
  EXPECT_EQ(from_new.verdict(), Verdict::kGood) << RenderText(from_new);
  EXPECT_THAT(from_new.items[0].judgement.text, HasSubstr("which was replaced by the pinned"));
}

TEST_F(KeyChangeTest, WithoutTheProofTheReportSaysHowToGetIt) {
  VerifyResult result = VerifyWith(old_vkey_, {Write("after", new_finish_)}, {});
  EXPECT_EQ(result.verdict(), Verdict::kBad);
  EXPECT_THAT(result.items[0].judgement.text, HasSubstr("beleg ledger keys --from LOG"));
  VerifyResult note = VerifyWith(old_vkey_, {Write("head", log_.files.at("checkpoint"))}, {});
  EXPECT_EQ(note.verdict(), Verdict::kUnknown);
  EXPECT_THAT(note.items[0].judgement.text, HasSubstr("--keys"));
}

TEST_F(KeyChangeTest, TheLogItselfAndAFolderOfEvidenceBringTheirProofs) {
  const std::string before = Write("before", old_finish_), after = Write("after", new_finish_);
  for (const std::string& vkey : {old_vkey_, log_.vkey_text()}) {
    EXPECT_EQ(VerifyWith(vkey, {before, after}, {}, {folder_ / "log", ""}).verdict(), Verdict::kGood);
    EXPECT_EQ(VerifyWith(vkey, {folder_ / "log", after}, {}).verdict(), Verdict::kGood);
    EXPECT_EQ(VerifyWith(vkey, {before, after}, {folder_ / "log"}).verdict(), Verdict::kGood);
    ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder_ / "bundle"));
    Write("bundle/a", old_finish_);
    Write("bundle/b", new_finish_);
    Write("bundle/keys.tlog-proof", log_.files.at("keys/001.tlog-proof"));
    VerifyResult bundle = VerifyWith(vkey, {folder_ / "bundle"}, {});
    EXPECT_EQ(bundle.verdict(), Verdict::kGood) << RenderText(bundle);
    EXPECT_THAT(RenderText(bundle), HasSubstr("key proof: example.com/log changed its key from"));
  }
}

TEST_F(KeyChangeTest, TheReplacedKeyShowsNothingByItselfLater) {
  const std::string late = Write("late", FinishReceiptText(old_key_, 18, hex_));
  VerifyResult alone = VerifyWith(log_.vkey_text(), {late}, {keys_});
  EXPECT_EQ(alone.verdict(), Verdict::kUnknown);
  EXPECT_THAT(alone.items[0].judgement.text, HasSubstr("was replaced at leaf 16"));
  const std::string begin = Write("begin", BeginReceiptText(old_key_, hex_));
  EXPECT_EQ(VerifyWith(log_.vkey_text(), {begin}, {keys_}).verdict(), Verdict::kGood) << "it is of before";
  const std::string head = Write("head", old_key_.files.at("checkpoint"));
  EXPECT_EQ(VerifyWith(old_vkey_, {head}, {keys_}).verdict(), Verdict::kUnknown);
  // What the log contradicts is bad all the same: a change of keys hides no rewriting.
  old_key_.entries[18] = old_key_.entries[3];
  old_key_.Write();
  const std::string other = Write("other", FinishReceiptText(old_key_, 18, hex_));
  const std::string other_head = Write("other-head", old_key_.files.at("checkpoint"));
  for (const std::string& file : {other, other_head})
    EXPECT_EQ(VerifyWith(log_.vkey_text(), {file}, {}, {folder_ / "log", ""}).verdict(), Verdict::kBad);
}

TEST_F(KeyChangeTest, TheThiefOfThePinnedKeyDoesNotMoveItsEnd) {
  // His tree goes on and names the public successor last, where he alone signs.
  old_key_.entries.push_back(log_.entries[16]);
  old_key_.Write();
  auto proof = verify::ParseTlogProof(ProofText(old_key_, old_key_.entries.size() - 1));
  ASSERT_TRUE(proof) << proof.error().message;
  proof->extra = log_.entries[16];
  const std::string chain = Write("moved.tlog-proof", verify::FormatTlogProof(*proof));
  const std::string late = Write("late", FinishReceiptText(old_key_, 18, hex_));
  VerifyResult result = VerifyWith(old_vkey_, {chain, late}, {keys_});
  EXPECT_NE(result.verdict(), Verdict::kGood) << RenderText(result);
  ASSERT_THAT(result.items, SizeIs(2));
  EXPECT_EQ(result.items[1].judgement.verdict, Verdict::kUnknown) << result.items[1].judgement.text;
  EXPECT_THAT(result.items[1].judgement.text, HasSubstr("was replaced at leaf 16"));
}

// The log's key is changed twice more; one file for each change.
class KeyChangesTest : public KeyChangeTest {
 protected:
  KeyChangesTest() {
    std::vector<std::string> changes = {log_.files.at("keys/001.tlog-proof")};
    for (const uint8_t fill : {9, 10}) {
      ChangeKey(log_, fill, {log_.entries[4]});
      changes.push_back(log_.files.at("keys/001.tlog-proof"));
    }
    for (size_t i = 0; i < changes.size(); ++i)
      proofs_.push_back(Write(fmt::format("change-{}", i), changes[i]));
    newest_finish_ = FinishReceiptText(log_, 21, hex_);
  }

  std::vector<std::string> proofs_;  // in the order of the changes
  std::string newest_finish_;
};

TEST_F(KeyChangesTest, TheOrderOfKeyProofsMeansNothing) {
  const std::string before = Write("before", old_finish_), after = Write("after", newest_finish_);
  std::vector<std::string> order = proofs_;
  do {
    for (const std::string& vkey : {old_vkey_, log_.vkey_text()}) {
      std::vector<std::string> files = order;
      files.insert(files.begin() + 1, {before, after});
      VerifyResult result = VerifyWith(vkey, files, {});
      EXPECT_EQ(result.verdict(), Verdict::kGood) << RenderText(result);
      EXPECT_EQ(VerifyWith(vkey, {before, after}, order).verdict(), Verdict::kGood);
      std::string joined;
      for (const std::string& file : order) joined += *io::ReadFile(io::PosixFileSystem(), file, 1 << 20);
      EXPECT_EQ(VerifyWith(vkey, {before, Write("joined", joined), after}, {}).verdict(), Verdict::kGood);
    }
  } while (std::ranges::next_permutation(order).found);
}

TEST_F(KeyChangesTest, AKeyProofThatIsNotConnectedIsNamed) {
  const std::string after = Write("after", newest_finish_);
  VerifyResult result = VerifyWith(old_vkey_, {proofs_[2], proofs_[0], after}, {});
  EXPECT_NE(result.verdict(), Verdict::kGood);
  ASSERT_THAT(result.items, SizeIs(3));
  EXPECT_EQ(result.items[0].file, proofs_[2]);
  EXPECT_EQ(result.items[0].judgement.verdict, Verdict::kUnknown);
  EXPECT_THAT(result.items[0].judgement.text,
              HasSubstr("no key that is trusted leads to this one; known keys"));
  EXPECT_EQ(result.items[1].judgement.verdict, Verdict::kGood);
  EXPECT_EQ(result.items[2].judgement.verdict, Verdict::kBad);
}

TEST_F(KeyChangesTest, TheThiefOfAReplacedKeyMovesItsEndInNoOrder) {
  old_key_.entries.push_back(log_.entries[16]);
  old_key_.Write();
  auto proof = verify::ParseTlogProof(ProofText(old_key_, old_key_.entries.size() - 1));
  ASSERT_TRUE(proof) << proof.error().message;
  proof->extra = log_.entries[16];
  std::vector<std::string> files = {Write("moved", verify::FormatTlogProof(*proof)), proofs_[0],
                                    Write("late", FinishReceiptText(old_key_, 18, hex_))};
  std::ranges::sort(files);
  do {
    VerifyResult result = VerifyWith(old_vkey_, files, {});
    for (const VerifiedItem& item : result.items) {
      const Verdict wanted = item.file == proofs_[0] ? Verdict::kGood : Verdict::kUnknown;
      EXPECT_EQ(item.judgement.verdict, wanted) << RenderText(result);
    }
  } while (std::ranges::next_permutation(files).found);
}

TEST_F(KeyChangeTest, AForgedChainIsRefused) {
  // A thief of the old key names a key of his own, on a log that begins like the true one.
  TestLog forged(std::vector<std::string>(log_.entries.begin(), log_.entries.begin() + 16));
  ChangeKey(forged, 9, {log_.entries[4]});
  const std::string receipt = Write("forged", FinishReceiptText(forged, 17, hex_));
  const std::string chain = Write("forged.tlog-proof", forged.files.at("keys/001.tlog-proof"));
  EXPECT_EQ(VerifyWith(log_.vkey_text(), {receipt}, {keys_, chain}).verdict(), Verdict::kBad);
  VerifyResult told = VerifyWith(log_.vkey_text(), {chain}, {keys_});
  EXPECT_EQ(told.verdict(), Verdict::kBad) << RenderText(told);
  EXPECT_THAT(told.items[0].judgement.text, HasSubstr("no key that is trusted leads to this one"));
  // Nor by its place among the evidence, to whoever has the old key alone and compares with the log.
  VerifyResult compared = VerifyWith(old_vkey_, {chain, receipt}, {}, {folder_ / "log", ""});
  EXPECT_EQ(compared.items[0].judgement.verdict, Verdict::kBad) << RenderText(compared);
  EXPECT_EQ(compared.items[1].judgement.verdict, Verdict::kBad);
  EXPECT_THAT(compared.items[0].judgement.text, HasSubstr("one of the two is forged"));
  EXPECT_THAT(compared.items, SizeIs(2));
  // Beside the log it is found to be no part of it.
  Write("log/keys/002.tlog-proof", forged.files.at("keys/001.tlog-proof"));
  VerifyResult log = VerifyWith(log_.vkey_text(), {folder_ / "log"}, {});
  EXPECT_EQ(log.verdict(), Verdict::kBad);
  EXPECT_THAT(log.items[0].judgement.text, HasSubstr("keys/002.tlog-proof: names key"));
  // A stranger's chain leads nowhere, a damaged one is an error that names it.
  std::string damaged = log_.files.at("keys/001.tlog-proof");
  damaged[damaged.find("\nindex ") + 7] = '9';
  auto policy = ReadPolicy({.vkeys = {old_vkey_}, .key_proofs = {Write("damaged", damaged)}});
  ASSERT_FALSE(policy);
  EXPECT_EQ(policy.error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(ReadPolicy({.vkeys = {old_vkey_}, .key_proofs = {folder_ / "none"}}).error().code,
            ErrorCode::kInvalidArgument);
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
