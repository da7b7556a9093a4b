#include "audit/prove.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/testing.h"
#include "audit/verify.h"
#include "io/testing.h"

namespace beleg::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using verify::testing::TestLog;

class ProveTest : public ::testing::Test {
 protected:
  ProveTest() {
    std::string response_id = ResponseIdOf(record::SampleRecords()[0]);
    hex_ = response_id.substr(response_id.find('-') + 1);
    ServeLeaf(0);
    site_.OnText("GET /audit/vkey", log_.vkey_text() + "\n");
    options_.request_id = response_id;
    options_.ledger_url = site_.url();
    options_.token = "secret";
    options_.vkey = log_.vkey_text();
    options_.folder = folder_ / "proofs";
  }
  void ServeLeaf(size_t index) {
    site_.OnText("GET /audit/proof/" + hex_, ProofText(log_, index));
    site_.OnText("GET /audit/record/" + hex_, log_.entries[index]);
  }
  void ExpectNothingWritten() {
    auto names = io::PosixFileSystem().List(options_.folder);
    EXPECT_TRUE(!names || names->empty());
  }

  TestLog log_{SampleEntries()};
  FakeSite site_;
  io::TempFolder folder_;
  std::string hex_;
  ProveOptions options_;
};

TEST_F(ProveTest, FilesAreWrittenThatVerifyOffline) {
  auto result = Prove(options_);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->index, 0u);
  EXPECT_EQ(result->checkpoint, log_.checkpoint());
  EXPECT_EQ(result->proof_path, options_.folder + "/" + hex_ + ".tlog-proof");
  EXPECT_EQ(*io::ReadFile(io::PosixFileSystem(), result->record_path), log_.entries[0]);
  EXPECT_EQ(net::BearerToken(site_.Last("GET /audit/proof/" + hex_).headers), "secret");
  EXPECT_THAT(RenderText(*result), HasSubstr("OK: leaf 0 of example.com/log, checkpoint of size 16"));
  auto verified = VerifyFiles(
      {.files = {result->proof_path}, .policy = *verify::Policy::Make({log_.vkey()}, {}, 0), .entry = ""});
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(verified->verdict(), Verdict::kGood);
}

TEST_F(ProveTest, IdMayComeWithoutItsPrefix) {
  options_.request_id = hex_;
  EXPECT_TRUE(Prove(options_).has_value());
}

TEST_F(ProveTest, WithoutPinnedKeyTheLogsOwnIsUsedAndTheReportSaysSo) {
  options_.vkey.clear();
  auto result = Prove(options_);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_FALSE(result->key_pinned);
  EXPECT_EQ(result->vkey, log_.vkey_text());
  EXPECT_THAT(RenderText(*result), HasSubstr("the key is the log's own word"));
}

TEST_F(ProveTest, TheProofsOfChangedKeysAreKeptBeside) {
  ChangeKey(log_, 8, {});
  ServeLeaf(0);
  site_.OnText("GET /keys/001.tlog-proof", log_.files.at("keys/001.tlog-proof"));
  auto result = Prove(options_);  // by the key before
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_THAT(RenderText(*result), HasSubstr("which follows from the pinned"));
  EXPECT_EQ(result->keys_path, options_.folder + "/keys.tlog-proof");
  auto verified =
      VerifyFiles({.files = {options_.folder},
                   .policy = *verify::Policy::Make({*verify::ParseVerifierKey(options_.vkey)}, {}, 0),
                   .entry = ""});
  ASSERT_TRUE(verified.has_value());
  EXPECT_EQ(verified->verdict(), Verdict::kGood) << RenderText(*verified);
}

TEST_F(ProveTest, RecordOfAnotherRequestIsRefused) {
  ServeLeaf(3);  // the boot record, with its good proof
  auto result = Prove(options_);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(result.error().message, HasSubstr("not of " + hex_));
  ExpectNothingWritten();
}

TEST_F(ProveTest, WhatDoesNotFitIsRefusedAndNothingIsWritten) {
  site_.OnText("GET /audit/record/" + hex_, log_.entries[1]);
  EXPECT_EQ(Prove(options_).error().code, ErrorCode::kDataLoss);
  ServeLeaf(0);
  options_.vkey = TestLog(1, log_.origin, 99).vkey_text();
  EXPECT_EQ(Prove(options_).error().code, ErrorCode::kDataLoss);
  options_.vkey = "nonsense";
  EXPECT_EQ(Prove(options_).error().code, ErrorCode::kInvalidArgument);
  ExpectNothingWritten();
}

TEST_F(ProveTest, UnknownAndMalformedIdsAreErrors) {
  options_.request_id = std::string(32, '0');
  EXPECT_EQ(Prove(options_).error().code, ErrorCode::kNotFound);
  options_.request_id = "../../etc/passwd";
  EXPECT_EQ(Prove(options_).error().code, ErrorCode::kInvalidArgument);
  options_.ledger_url = "http://127.0.0.1:1";
  options_.request_id = hex_;
  EXPECT_EQ(Prove(options_).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace beleg::audit
