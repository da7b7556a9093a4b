// Spans that claim a leaf of a mirrored log, before and after it is here: one row each, verified or not.
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "store/store_testing.h"

namespace beleg::store {
namespace {

using testing::Request;
using testing::SampleLog;
using testing::SampleSpan;
using testing::StoreTest;

class StoreMerge : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    index_ = log_.AddRequest();
  }
  void AddRecords() { ASSERT_TRUE(store_->AddRecords(log_.origin(), log_.leaves())); }
  // All four spans are there once, verified, and say what the record says under this resource.
  void ExpectMerged(const wire::otlp::Attributes& resource) {
    auto rows = Find();
    ASSERT_EQ(rows.size(), 4u);
    for (const SpanRow& row : rows) {
      EXPECT_TRUE(row.verified);
      EXPECT_EQ(row.resource, resource);
    }
    for (const wire::otlp::Span& span : log_.Spans(index_)) {
      EXPECT_EQ(std::count_if(rows.begin(), rows.end(), [&](const SpanRow& row) { return row.span == span; }),
                1)
          << span.name;
    }
  }
  wire::otlp::Attributes WithMore() const {
    wire::otlp::Attributes resource = log_.Resource();
    resource.push_back({"k8s.pod.name", "gpu-7"});
    return resource;
  }

  SampleLog log_;
  uint64_t index_ = 0;
  const wire::otlp::Attributes more_ = {{"k8s.pod.name", "gpu-7"}};
};

TEST_F(StoreMerge, CopyAfterRecordAddsItsResource) {
  AddRecords();
  Ingest(log_.Export(index_, more_));
  ExpectMerged(WithMore());
}

TEST_F(StoreMerge, CopyBeforeRecordIsVisibleThenMerges) {
  Ingest(log_.Export(index_, more_));
  auto rows = Find();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_FALSE(rows[0].verified);
  AddRecords();
  ExpectMerged(WithMore());
  EXPECT_EQ(Sql("SELECT count(*) FROM claimed_rows"), "[[0]]");
}

TEST_F(StoreMerge, RetriedCopiesOnBothSidesLeaveOneRow) {
  Ingest(log_.Export(index_, more_));
  Ingest(log_.Export(index_, more_));
  AddRecords();
  Ingest(log_.Export(index_, more_));
  Ingest(log_.Export(index_));
  ExpectMerged(WithMore());
}

TEST_F(StoreMerge, RestartMergesTheSame) {
  Ingest(log_.Export(index_, more_));
  AddRecords();
  Reopen();
  EXPECT_EQ(Find().size(), 4u);
  AddRecords();
  ExpectMerged(WithMore());
}

// What a collector's resource processor does: it adds, and it replaces what is there.
TEST_F(StoreMerge, OverlayOfACollectorIsOnTheSpansInAnyOrderAndAfterARestart) {
  wire::otlp::Attributes resource = {{"service.name", "llm-gateway"},
                                     {"deployment.region", "hetzner-fsn1-eu"},
                                     {"service.environment", "staging"}};
  const std::string copy = Request(log_.Spans(index_), resource, "beleg");
  for (const wire::otlp::KeyValue& own : log_.Resource()) {
    if (FindAttribute(resource, own.key) == nullptr) resource.push_back(own);
  }
  for (bool record_first : {true, false}) {
    if (record_first) AddRecords();
    Ingest(copy);
    if (!record_first) AddRecords();
    ExpectMerged(resource);
    for (int restart = 0; restart < 2; ++restart) {
      EXPECT_EQ(Find({.service = "llm-gateway"}).size(), 4u);
      EXPECT_EQ(Find({.service = "vllm"}).size(), 0u);
      EXPECT_EQ(Sql("SELECT DISTINCT service, resource->>'deployment.region' FROM spans"),
                R"([["llm-gateway","hetzner-fsn1-eu"]])");
      Reopen();
      AddRecords();
      ExpectMerged(resource);
    }
    store_.reset();
    std::filesystem::remove_all(folder_ / "store");
    Reopen();
  }
}

TEST_F(StoreMerge, LaterCopyWinsAlsoAfterARestart) {
  Ingest(log_.Export(index_, {{"k8s.pod.name", "gpu-7"}}));
  AddRecords();
  Ingest(log_.Export(index_, {{"k8s.pod.name", "gpu-8"}}));
  wire::otlp::Attributes resource = log_.Resource();
  resource.push_back({"k8s.pod.name", "gpu-8"});
  ExpectMerged(resource);
  Reopen();
  AddRecords();
  ExpectMerged(resource);
}

TEST_F(StoreMerge, TakenCopiesLeaveNoMemoryBehind) {
  AddRecords();
  size_t first = log_.leaves().size();
  for (int round = 0; round < 15; ++round) {
    std::vector<wire::otlp::Span> spans;
    for (int i = 0; i < 100; ++i) {
      for (wire::otlp::Span& span : log_.Spans(log_.AddRequest())) spans.push_back(std::move(span));
    }
    Ingest(Request(std::move(spans), WithMore(), "beleg"));
    const auto& leaves = log_.leaves();
    ASSERT_TRUE(
        store_->AddRecords(log_.origin(), {leaves.begin() + static_cast<ptrdiff_t>(first), leaves.end()}));
    first = leaves.size();
  }
  EXPECT_EQ(Sql("SELECT count(*), count(*) FILTER (WHERE verified), count(DISTINCT span_id) FROM spans"),
            "[[6004,6004,6004]]");
  const std::string left =
      Sql("SELECT coalesce(sum(count), 0)::BIGINT < 4096 FROM pragma_storage_info('claimed_rows') WHERE "
          "column_name = 'otlp'");
  EXPECT_EQ(left, "[[true]]");
}

TEST_F(StoreMerge, CopyWithFewerNamesAgreesAndTheRecordsNamesStay) {
  AddRecords();
  Ingest(log_.Export(index_, more_, record::Semconv::kLegacy));
  Ingest(log_.Export(index_, more_, record::Semconv::kLatest));
  auto rows = Find();
  ASSERT_EQ(rows.size(), 4u);
  for (const SpanRow& row : rows) EXPECT_TRUE(row.verified);
  EXPECT_EQ(rows.back().span.attributes.size(), log_.Spans(index_).back().attributes.size());
}

TEST_F(StoreMerge, ChangedCopyIsKeptUnverifiedInEitherOrder) {
  std::vector<wire::otlp::Span> spans = log_.Spans(index_);
  for (wire::otlp::KeyValue& attribute : spans[0].attributes) {
    if (attribute.key == "gen_ai.usage.input_tokens") attribute.value = int64_t{1};
  }
  const std::string changed = Request(spans, log_.Resource(), "beleg");
  for (bool record_first : {true, false}) {
    if (record_first) AddRecords();
    Ingest(changed);
    if (!record_first) AddRecords();
    EXPECT_EQ(Sql("SELECT name, verified, input_tokens FROM spans WHERE kind = 'SERVER' ORDER BY verified"),
              R"([["chat smollm2",false,1],["chat smollm2",true,12]])");
    EXPECT_EQ(Find().size(), 5u);
    EXPECT_EQ(Sql("SELECT count(*) FROM claimed_rows"), "[[0]]");
    store_.reset();
    std::filesystem::remove_all(folder_ / "store");
    Reopen();
  }
}

TEST_F(StoreMerge, CopyThatAddsAnAttributeIsUnverified) {
  std::vector<wire::otlp::Span> spans = log_.Spans(index_);
  spans[0].attributes.push_back({"added.by", "someone"});
  AddRecords();
  Ingest(Request({spans[0]}, log_.Resource(), "beleg"));
  EXPECT_EQ(Sql("SELECT count(*) FILTER (WHERE NOT verified), count(*) FROM spans"), "[[1,5]]");
}

TEST_F(StoreMerge, ClaimOnALeafWithoutSpansOrAnUnknownLogStaysUnverified) {
  AddRecords();
  wire::otlp::Span span = SampleSpan(1);
  span.attributes.push_back({"audit.log.origin", log_.origin()});
  span.attributes.push_back({"audit.log.index", int64_t{0}});
  wire::otlp::Span unknown = SampleSpan(2);
  unknown.attributes.push_back({"audit.log.origin", "nobody"});
  unknown.attributes.push_back({"audit.log.index", int64_t{7}});
  Ingest(Request({span, unknown}));
  EXPECT_EQ(Sql("SELECT origin, leaf_index, verified FROM spans WHERE name = 'llm.generate' ORDER BY origin"),
            R"([["beleg-test",0,false],["nobody",7,false]])");
}

}  // namespace
}  // namespace beleg::store
