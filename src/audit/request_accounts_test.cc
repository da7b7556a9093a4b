#include "audit/request_accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/testing.h"

namespace beleg::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

BootId Boot(uint8_t fill) {
  BootId boot;
  boot.bytes.fill(fill);
  return boot;
}

// A log that is written record by record; what a server of boot 1 does unless told.
class AccountsTest : public ::testing::Test {
 protected:
  AccountsTest() { Start(Boot(1)); }

  void Add(record::Body body, BootId boot = Boot(1)) {
    accounts_.Add(index_++, {boot, 1'000, std::move(body)});
  }
  void Start(BootId boot, std::optional<BootId> previous = {}) {
    record::Boot body;
    body.previous_boot = previous;
    Add(body, boot);
  }
  void Answer(uint64_t seq, record::Outcome outcome = record::Outcome::kOk) {
    record::Request request;
    request.id.seq = seq;
    request.outcome = outcome;
    request.input_tokens = 10;
    request.output_tokens = 4;
    Add(request);
  }
  void Refuse(uint64_t seq) {
    record::Refused refused;
    refused.id.seq = seq;
    Add(refused);
  }
  void Beat(record::Counters counters, uint64_t highest_seq, int64_t open = 0) {
    record::Heartbeat beat;
    beat.counters = counters;
    beat.highest_seq = highest_seq;
    beat.open_requests = open;
    Add(beat);
  }
  void ShutDown(record::Counters counters, uint64_t highest_seq) {
    Add(record::Shutdown{"signal", counters, highest_seq});
  }
  std::vector<std::string> Kinds() const {
    std::vector<std::string> kinds;
    for (const Finding& finding : accounts_.Findings()) kinds.push_back(finding.kind);
    return kinds;
  }

  RequestAccounts accounts_;
  uint64_t index_ = 0;
};

TEST_F(AccountsTest, AWholeLogHasNoFindings) {
  for (uint64_t seq : {2, 1, 3}) Answer(seq);
  Answer(4, record::Outcome::kCancelled);
  Answer(5, record::Outcome::kFailed);
  Refuse(6);
  Beat({.accepted = 5, .answered = 3, .failed = 1, .cancelled = 1, .refused = 1}, 6);
  ShutDown({.accepted = 5, .answered = 3, .failed = 1, .cancelled = 1, .refused = 1, .no_room = 1}, 7);
  EXPECT_THAT(Kinds(), IsEmpty());
  EXPECT_EQ(accounts_.requests(), 6);
  ASSERT_NE(accounts_.Find(Boot(1)), nullptr);
  EXPECT_EQ(accounts_.Find(Boot(1))->input_tokens, 50);
  EXPECT_EQ(accounts_.Find(Boot(2)), nullptr);
}

TEST_F(AccountsTest, ARecordThatIsGoneIsAHoleAndContradictsTheCounters) {
  Answer(1);
  Answer(3);
  ShutDown({.accepted = 3, .answered = 3}, 3);
  EXPECT_THAT(Kinds(), ElementsAre("seq_holes", "counters"));
  EXPECT_THAT(accounts_.Findings()[0].text, HasSubstr("have no record, 0 would be explained: 2"));
}

TEST_F(AccountsTest, OpenRequestsMayLackARecordWhileTheServerRuns) {
  Answer(1);
  Beat({.accepted = 3, .answered = 1}, 3, 2);
  EXPECT_THAT(Kinds(), IsEmpty());
  Start(Boot(2), Boot(1));  // it died, and nothing says what became of them
  EXPECT_THAT(Kinds(), ElementsAre("seq_holes"));
}

TEST_F(AccountsTest, ACrashIsExplainedByLostRecords) {
  Answer(1);
  Beat({.accepted = 2, .answered = 1}, 3, 1);
  Start(Boot(2), Boot(1));
  record::Lost lost;
  lost.begun_boot = Boot(1);
  lost.id.seq = 2;
  Add(lost, Boot(2));
  EXPECT_THAT(Kinds(), IsEmpty());  // seq 3 was given, and its begin was on no disk
  EXPECT_EQ(accounts_.Find(Boot(1))->lost, 1);
}

TEST_F(AccountsTest, RequestsWithoutARecordAreExplainedByThatRecord) {
  Answer(1);
  Add(record::Unrecorded{
      .requests = 2, .first_seq = 2, .last_seq = 3, .first_us = 1, .error = "RESOURCE_EXHAUSTED"});
  ShutDown({.accepted = 1, .answered = 1}, 3);
  EXPECT_THAT(Kinds(), IsEmpty());
  EXPECT_EQ(accounts_.unrecorded(), 2);
}

TEST_F(AccountsTest, NumbersThatNobodyPlacedAreAFinding) {
  Answer(1);
  ShutDown({.accepted = 1, .answered = 1, .no_room = 1}, 3);
  EXPECT_THAT(Kinds(), ElementsAre("counters"));
}

TEST_F(AccountsTest, CountersMayNotFallAndASeqHasOneRecord) {
  Answer(1);
  Answer(1);
  Beat({.accepted = 2, .answered = 2}, 2);
  Beat({.accepted = 1, .answered = 1}, 2);
  EXPECT_THAT(Kinds(), testing::Contains("seq_holes"));
  EXPECT_THAT(Kinds(), testing::Contains("counters"));
}

TEST_F(AccountsTest, AStartThatIsGoneIsAFinding) {
  Start(Boot(3), Boot(2));
  EXPECT_THAT(Kinds(), ElementsAre("seq_holes"));
}

TEST(SeqSet, KnowsItsHolesWhateverTheOrder) {
  SeqSet set;
  for (uint64_t seq : {5, 1, 2, 9, 4, 10}) EXPECT_TRUE(set.Add(seq));
  EXPECT_FALSE(set.Add(9));
  EXPECT_EQ(set.MissingUpTo(10), 4u);
  EXPECT_EQ(set.MissingUpTo(2), 0u);
  EXPECT_EQ(set.MissingUpTo(7), 3u);
  EXPECT_EQ(set.FirstHoles(12), "3, 6–8, 11–12");
  EXPECT_EQ(set.FirstHoles(7), "3, 6–7");
  EXPECT_EQ(set.FirstHoles(12, 1), "3 …");
  EXPECT_EQ(SeqSet().FirstHoles(3), "1–3");
}

}  // namespace
}  // namespace beleg::audit
