#include "audit/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    auto result = VerifyFiles({std::move(files), log_.vkey_text(), std::move(entry)});
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return std::move(*result);
  }

  io::TempFolder folder_;
  TestLog log_{SampleEntries()};
  std::string hex_ = std::string(32, 'a');
};

TEST_F(VerifyTest, ProofAndTheEntryBesideIt) {
  std::string proof = Write("x.tlog-proof", ProofText(log_, 3));
  Write("x.json", log_.entries[3]);
  VerifyResult result = Verify({proof});
  EXPECT_TRUE(result.ok());
  EXPECT_EQ(RenderText(result),
            "OK      " + proof +
                ": proof: the entry is leaf 3 of example.com/log, under its signed checkpoint of size 9\n");
}

TEST_F(VerifyTest, ProofAndAGivenEntry) {
  std::string proof = Write("proof", ProofText(log_, 3));
  EXPECT_TRUE(Verify({proof}, Write("entry", log_.entries[3])).ok());
  VerifyResult other = Verify({proof}, Write("other", log_.entries[4]));
  EXPECT_FALSE(other.ok());
  EXPECT_THAT(RenderText(other), HasSubstr("FAILED  " + proof + ": inclusion proof: "));
}

TEST_F(VerifyTest, ProofWithoutEntryShowsNothing) {
  VerifyResult result = Verify({Write("x.tlog-proof", ProofText(log_, 3))});
  EXPECT_FALSE(result.ok());
  EXPECT_THAT(result.items[0].text, HasSubstr("--entry"));
}

TEST_F(VerifyTest, ReceiptsAreReadAsTheyCame) {
  std::string file = Write("headers", "HTTP/1.1 200 OK\r\nAudit-Begin: " + BeginReceiptText(log_, hex_) +
                                          "\r\nAudit-Finish: " + FinishReceiptText(log_, 2, hex_) + "\r\n");
  VerifyResult result = Verify({file});
  EXPECT_TRUE(result.ok()) << RenderText(result);
  ASSERT_THAT(result.items, SizeIs(2));
  EXPECT_EQ(result.items[0].text,
            "begin receipt: example.com/log promised at 2026-11-24T06:00:00.000000Z a record of request " +
                hex_ +
                " by 2026-11-24T06:10:00.000000Z (boot b0b1b2b3b4b5b6b7, seq 48213, trace "
                "0102030405060708090a0b0c0d0e0f10)");
  EXPECT_EQ(result.items[1].text, "finish receipt: example.com/log says that request " + hex_ +
                                      " is leaf 2, hash " + HexEncode(AsView(log_.leaves[2])));
}

TEST_F(VerifyTest, FinishReceiptIsComparedWithTheEntry) {
  std::string receipt = FinishReceiptText(log_, 2, hex_) + "." + std::string(kSecret);
  std::string file = Write("receipt", ": audit-finish " + receipt + "\n");
  VerifyResult good = Verify({file}, Write("entry", log_.entries[2]));
  EXPECT_TRUE(good.ok());
  EXPECT_THAT(good.items[0].text, HasSubstr("; it is this entry; with the secret of its commitment"));
  VerifyResult bad = Verify({file}, Write("entry", log_.entries[1]));
  EXPECT_FALSE(bad.ok());
  EXPECT_THAT(bad.items[0].text, HasSubstr("its leaf hash is not that of this entry"));
}

TEST_F(VerifyTest, ReceiptOfAnotherKeyFails) {
  TestLog other(9, log_.origin, 99);
  EXPECT_FALSE(Verify({Write("receipt", FinishReceiptText(other, 2, hex_))}).ok());
}

TEST_F(VerifyTest, OneBadFileIsEnough) {
  std::string good = Write("good", FinishReceiptText(log_, 2, hex_));
  EXPECT_TRUE(Verify({good, good}).ok());
  VerifyResult mixed = Verify({good, Write("bad", "something else\n")});
  EXPECT_FALSE(mixed.ok());
  EXPECT_THAT(mixed.items, SizeIs(2));
  EXPECT_THAT(mixed.items[1].text, HasSubstr("neither a tlog-proof nor a receipt"));
  EXPECT_FALSE(Verify({}).ok());
}

TEST_F(VerifyTest, UnreadableFilesAndBadKeysAreErrors) {
  auto missing = VerifyFiles({{folder_ / "none"}, log_.vkey_text(), ""});
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  auto no_entry = VerifyFiles({{Write("proof", ProofText(log_, 0))}, log_.vkey_text(), folder_ / "none"});
  EXPECT_EQ(no_entry.error().code, ErrorCode::kInvalidArgument);
  auto bad_key = VerifyFiles({{Write("proof", ProofText(log_, 0))}, "nonsense", ""});
  EXPECT_EQ(bad_key.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::audit
