#include "audit/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/testing.h"
#include "io/testing.h"
#include "record/request_id.h"

namespace beleg::audit {
namespace {

using ::testing::HasSubstr;
using verify::testing::TestLog;

constexpr int64_t kRecordsUs = 1'795'500'002'113'406;  // of every sample record
constexpr int64_t kBefore = kRecordsUs - 1'000'000, kAfter = kRecordsUs + 60'000'000;

record::Request RequestOf(uint64_t seq) {
  record::Request request = record::SampleRequest();
  request.id.seq = seq;
  return request;
}

std::string IdOf(uint64_t seq) { return record::RequestIdOf(record::SampleRecord(RequestOf(seq)))->Hex(); }

std::string Entry(uint64_t seq, int64_t time_us = kRecordsUs) {
  record::AuditRecord record = record::SampleRecord(RequestOf(seq));
  record.time_us = time_us;
  return record::Encode(record);
}

// A log of requests 1 to 5, and what a client kept of them.
class ResolveTest : public ::testing::Test {
 protected:
  verify::Policy policy() const {
    return *verify::Policy::Make(
        {log_.vkey()},
        {{"w", verify::KeyIdOf("w", witness_->public_key(), verify::KeyType::kCosignatureV1),
          witness_->public_key()}},
        0);
  }
  Judgement JudgeAt(const std::string& receipt_text, const LogPlace& place, int64_t now_us = kBefore) {
    auto receipt = verify::ParseReceipt(receipt_text);
    EXPECT_TRUE(receipt && verify::CheckReceipt(*receipt, log_.vkey()));
    Resolver resolver;
    resolver.Want(*receipt);
    ManualClock clock(now_us);
    auto scanned = resolver.Scan(place, policy(), clock);
    EXPECT_TRUE(scanned) << scanned.error().message;
    return resolver.Judge(*receipt);
  }
  Judgement JudgeInFolder(const std::string& receipt) {
    io::TempFolder folder;
    WriteLog(log_, folder.path());
    return JudgeAt(receipt, {folder.path(), ""});
  }
  Judgement JudgeByUrl(const std::string& receipt, int64_t now_us) {
    FakeSite site;
    for (const auto& [path, bytes] : log_.files) site.OnText("GET /" + path, bytes);
    return JudgeAt(receipt, {site.url(), ""}, now_us);
  }
  void Rewrite(std::vector<std::string> entries) {
    log_.entries = std::move(entries);
    log_.Write();
  }

  std::unique_ptr<wire::Ed25519Key> witness_ = verify::testing::TestKey(33);
  TestLog log_{{Entry(1), Entry(2), Entry(3), Entry(4), Entry(5)}};
};

TEST_F(ResolveTest, ABeginReceiptWhoseRecordCameIsResolved) {
  Judgement found = JudgeInFolder(BeginReceiptText(log_, IdOf(3), kAfter));
  EXPECT_EQ(found.verdict, Verdict::kGood);
  EXPECT_EQ(found.text, "resolved at leaf 2 (request record)");
  Judgement late = JudgeInFolder(BeginReceiptText(log_, IdOf(3), kBefore - 9'000'000));
  EXPECT_EQ(late.verdict, Verdict::kGood);
  EXPECT_THAT(late.text, HasSubstr("10 s later than promised"));
}

TEST_F(ResolveTest, ABeginReceiptIsNotDueBeforeItsTime) {
  Judgement in_folder = JudgeInFolder(BeginReceiptText(log_, IdOf(9), kAfter));
  EXPECT_EQ(in_folder.verdict, Verdict::kUnknown);
  EXPECT_THAT(in_folder.text, HasSubstr("not yet due"));
  EXPECT_EQ(JudgeByUrl(BeginReceiptText(log_, IdOf(9), kAfter), kAfter).verdict, Verdict::kUnknown);
}

TEST_F(ResolveTest, ALaterRecordOfTheLogProvesTheOmission) {
  Judgement missing = JudgeInFolder(BeginReceiptText(log_, IdOf(9), kBefore));
  EXPECT_EQ(missing.verdict, Verdict::kBad);
  EXPECT_THAT(missing.text, HasSubstr("missing: request " + IdOf(9)));
  EXPECT_THAT(missing.text, HasSubstr("the log's own last record is of"));
}

TEST_F(ResolveTest, AWitnessProvesTheOmission) {
  const std::string receipt = BeginReceiptText(log_, IdOf(9), kAfter);
  const std::string note = log_.files["checkpoint"];
  log_.files["checkpoint"] = Cosigned(note, "w", *witness_, kAfter / 1'000'000);
  EXPECT_EQ(JudgeInFolder(receipt).verdict, Verdict::kUnknown);
  log_.files["checkpoint"] = Cosigned(note, "w", *witness_, kAfter / 1'000'000 + 1);
  Judgement missing = JudgeInFolder(receipt);
  EXPECT_EQ(missing.verdict, Verdict::kBad);
  EXPECT_THAT(missing.text, HasSubstr("w cosigned the checkpoint at"));
}

TEST_F(ResolveTest, WhoLooksAtTheLogItselfHasAClock) {
  const std::string receipt = BeginReceiptText(log_, IdOf(9), kAfter);
  Judgement missing = JudgeByUrl(receipt, kAfter + 1);
  EXPECT_EQ(missing.verdict, Verdict::kBad);
  EXPECT_THAT(missing.text, HasSubstr("by this host's clock"));
}

TEST_F(ResolveTest, ADeletedRecordIsMissing) {
  const std::string begin = BeginReceiptText(log_, IdOf(3), kBefore),
                    finish = FinishReceiptText(log_, 2, IdOf(3));
  Rewrite({Entry(1), Entry(2), Entry(4), Entry(5)});
  EXPECT_EQ(JudgeInFolder(begin).verdict, Verdict::kBad);
  Judgement changed = JudgeInFolder(finish);
  EXPECT_EQ(changed.verdict, Verdict::kBad);
  EXPECT_THAT(changed.text, HasSubstr("changed: leaf 2"));
}

TEST_F(ResolveTest, ACutLogIsToldFromAnOldCopyByWhoAsksTheLogItself) {
  const std::string finish = FinishReceiptText(log_, 4, IdOf(5));
  Rewrite({Entry(1), Entry(2), Entry(3)});
  EXPECT_EQ(JudgeInFolder(finish).verdict, Verdict::kUnknown);
  EXPECT_EQ(JudgeByUrl(finish, kBefore).verdict, Verdict::kBad);
}

TEST_F(ResolveTest, ARecordThatMovedIsARewrittenLog) {
  const std::string finish = FinishReceiptText(log_, 4, IdOf(5));
  Rewrite({Entry(1), Entry(5)});
  Judgement changed = JudgeInFolder(finish);
  EXPECT_EQ(changed.verdict, Verdict::kBad);
  EXPECT_THAT(changed.text, HasSubstr("is leaf 1 of"));
}

TEST_F(ResolveTest, ADamagedLogDecidesNothing) {
  const std::string begin = BeginReceiptText(log_, IdOf(9), kBefore);
  log_.files["tile/0/000.p/5"][7] ^= 1;
  EXPECT_EQ(JudgeInFolder(begin).verdict, Verdict::kUnknown);
}

TEST_F(ResolveTest, APrunedLogIsNoDamageAndTheMirrorIsToBeAsked) {
  std::vector<std::string> entries;
  for (uint64_t seq = 1; seq < 300; ++seq) entries.push_back(Entry(seq));
  record::Prune prune;
  prune.origin = log_.vkey().name;
  prune.ground = "retention";
  prune.end_index = 256;
  entries.push_back(record::Encode(record::SampleRecord(prune)));
  Rewrite(entries);
  io::TempFolder folder;
  const auto scan = [&] {
    Resolver resolver;
    return resolver.Scan({folder.path(), ""}, policy(), ManualClock(kBefore));
  };
  WriteLog(log_, folder.path());
  EXPECT_TRUE(scan());
  ASSERT_TRUE(io::PosixFileSystem().Remove(folder / "tile/entries/000"));
  const auto pruned = scan();
  ASSERT_FALSE(pruned);
  EXPECT_EQ(pruned.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(pruned.error().message, HasSubstr("entries before 256 were pruned"));
  // Without that record the same is damage.
  entries.back() = Entry(300);
  Rewrite(entries);
  WriteLog(log_, folder.path());
  ASSERT_TRUE(io::PosixFileSystem().Remove(folder / "tile/entries/000"));
  auto damaged = ScanLog({folder.path(), ""}, policy(), [](uint64_t, std::string_view) {});
  ASSERT_TRUE(damaged) << damaged.error().message;
  EXPECT_THAT(damaged->findings, ::testing::ElementsAre(HasSubstr("no prune record of this log")));
  EXPECT_TRUE(ExpectAllEntries({folder.path(), ""}, *damaged)) << "findings come first";
}

}  // namespace
}  // namespace beleg::audit
