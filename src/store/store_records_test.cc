// Records of mirrored logs: rows, verified spans, and what finds them by request.
#include <gtest/gtest.h>

#include "record/request_id.h"
#include "store/store_testing.h"

namespace beleg::store {
namespace {

using testing::SampleLog;
using testing::StoreTest;

TEST_F(StoreTest, RecordsAreRowsAndVerifiedSpans) {
  SampleLog log;
  const uint64_t index = log.AddRequest();
  ASSERT_TRUE(store_->AddRecords(log.origin(), log.leaves()));
  EXPECT_EQ(store_->NextLeaf(log.origin()), 3u);
  auto rows = Find({.service = "vllm"});
  ASSERT_EQ(rows.size(), 4u);
  for (const SpanRow& row : rows) {
    EXPECT_TRUE(row.verified);
    EXPECT_EQ(row.resource, log.Resource());
  }
  EXPECT_EQ(
      Sql("SELECT leaf_index, type, outcome, model, input_tokens, output_tokens, decode_us FROM records "
          "ORDER BY leaf_index"),
      R"([[0,"boot",null,null,null,null,null],[1,"model",null,null,null,null,null],[2,"request","ok","smollm2",12,34,4000]])");
  const auto& record = log.record(index);
  const auto* id = record::IdentityOf(record);
  const RequestId request_id = record::DeriveRequestId(record.boot, id->seq, id->trace_id);
  auto place = store_->FindRecord(request_id);
  ASSERT_TRUE(place);
  EXPECT_EQ(place->origin, log.origin());
  EXPECT_EQ(place->index, index);
  EXPECT_EQ(Find({.request_id = request_id.Hex()}).size(), 1u);
  EXPECT_EQ(store_->RecentRecords(10)->size(), 1u);
}

TEST_F(StoreTest, RequestIsFoundAmongManyLogs) {
  SampleLog one("beleg-one"), two("beleg-two");
  for (int i = 0; i < 300; ++i) one.AddRequest();
  record::Refused refused;
  refused.id = *record::IdentityOf(one.record(100));
  refused.id.seq = 1'000;
  two.Add(refused);
  ASSERT_TRUE(store_->AddRecords(one.origin(), one.leaves()));
  ASSERT_TRUE(store_->AddRecords(two.origin(), two.leaves()));
  const auto id_of = [](const record::AuditRecord& record) {
    const record::RequestIdentity* id = record::IdentityOf(record);
    return record::DeriveRequestId(record.boot, id->seq, id->trace_id);
  };
  EXPECT_EQ(store_->FindRecord(id_of(one.record(250)))->index, 250u);
  auto place = store_->FindRecord(id_of(two.record(2)));
  ASSERT_TRUE(place);
  EXPECT_EQ(place->origin, "beleg-two");
  EXPECT_EQ(place->index, 2u);
  // As the mark says of one id in 2^32: same first bytes, another request.
  RequestId like = id_of(one.record(250));
  like.bytes[15] ^= 1;
  EXPECT_EQ(store_->FindRecord(like).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->FindRecord({}).error().code, ErrorCode::kNotFound);
}

TEST_F(StoreTest, EveryTypeOfRecordIsARow) {
  SampleLog log;
  record::Refused refused;
  refused.id = record::IdentityOf(log.record(log.AddRequest()))[0];
  refused.status = 429, refused.error = record::ErrorType::kRateLimited, refused.start_us = 5;
  log.Add(refused);
  record::Lost lost;
  lost.id = refused.id, lost.begun_boot.bytes = {9}, lost.start_us = 6;
  log.Add(lost);
  log.Add(record::Shutdown{});
  log.Add(record::Heartbeat{});
  log.Add(record::Config{});
  log.Add(record::Key{});
  ASSERT_TRUE(store_->AddRecords(log.origin(), log.leaves()));
  EXPECT_EQ(
      Sql("SELECT type, outcome, error_type, status, start_us FROM records WHERE leaf_index > 2 ORDER BY "
          "leaf_index"),
      R"([["refused","refused","rate_limited",429,5],["lost","lost",null,null,6],["shutdown",null,null,null,null],)"
      R"(["heartbeat",null,null,null,null],["config",null,null,null,null],["key",null,null,null,null]])");
  EXPECT_EQ(store_->RecentRecords(10)->size(), 3u);
}

TEST_F(StoreTest, RecordsAgainChangeNothingAndGapsAreRefused) {
  SampleLog log;
  log.AddRequest();
  ASSERT_TRUE(store_->AddRecords(log.origin(), log.leaves()));
  ASSERT_TRUE(store_->AddRecords(log.origin(), log.leaves()));
  EXPECT_EQ(Sql("SELECT count(*) FROM records"), "[[3]]");
  EXPECT_EQ(Find().size(), 4u);
  EXPECT_EQ(store_->AddRecords(log.origin(), {{4, "x"}}).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(StoreTest, LeafThatIsNoRecordStaysAsEvidence) {
  ASSERT_TRUE(store_->AddRecords("strange", {{0, "not a record"}, {1, R"({"v":99})"}}));
  EXPECT_EQ(Sql("SELECT type FROM records"), R"([["unreadable"],["unreadable"]])");
  EXPECT_EQ(store_->NextLeaf("strange"), 2u);
}

}  // namespace
}  // namespace beleg::store
