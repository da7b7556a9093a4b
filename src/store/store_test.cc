#include "store/store.h"

#include <gtest/gtest.h>

#include "base/thread.h"
#include "store/store_testing.h"

namespace beleg::store {
namespace {

using testing::Request;
using testing::SampleLog;
using testing::SampleResource;
using testing::SampleSpan;
using testing::StoreTest;

TEST_F(StoreTest, SpanComesBackWhole) {
  wire::otlp::Span span = SampleSpan(1);
  span.parent_span_id.bytes = {1};
  span.attributes.push_back({"bytes", wire::otlp::Bytes{std::string("\0\xff", 2)}});
  span.attributes.push_back({"nested", std::vector<wire::otlp::KeyValue>{{"a", int64_t{1}}}});
  span.events.push_back({span.start_unix_ns + 5, "first token", {{"n", int64_t{1}}}});
  span.status = wire::otlp::StatusCode::kError;
  span.status_message = "it failed";
  EXPECT_EQ(store_->IngestTraces(Request({span}))->count, 1u);
  auto rows = Find();
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].span, span);
  EXPECT_EQ(rows[0].resource, SampleResource());
  EXPECT_EQ(rows[0].scope, "vllm.inference");
  EXPECT_EQ(rows[0].service, "vllm");
  EXPECT_FALSE(rows[0].verified);
}

TEST_F(StoreTest, AuditedAttributesAreColumns) {
  Ingest(Request({SampleSpan(1)}));
  EXPECT_EQ(
      Sql("SELECT service, name, kind, duration_us, status, model, input_tokens, output_tokens, "
          "finish_reasons, region, "
          "verified FROM spans"),
      R"([["vllm","llm.generate","INTERNAL",10000,"UNSET","facebook/opt-125m",42,17,"stop","hetzner-nbg1-eu",false]])");
  EXPECT_EQ(Sql(R"(SELECT attributes->>'gen_ai.model.id', resource->>'service.name', start_time FROM spans)"),
            R"([["facebook/opt-125m","vllm","2023-11-14 22:13:20.001"]])");
}

TEST_F(StoreTest, FiltersSelectNewestFirst) {
  Ingest(Request({SampleSpan(1), SampleSpan(2), SampleSpan(3)}));
  Ingest(Request({SampleSpan(4)}, SampleResource("other")));
  auto rows = Find({.service = "vllm", .limit = 2});
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].span, SampleSpan(3));
  EXPECT_EQ(rows[1].span, SampleSpan(2));
  EXPECT_EQ(Find({.start_us = 1'700'000'000'002'000, .end_us = 1'700'000'000'003'000}).size(), 2u);
  EXPECT_EQ(Find({.trace_id = SampleSpan(4).trace_id.Hex()}).size(), 1u);
  EXPECT_EQ(Find({.service = "nobody"}).size(), 0u);
  EXPECT_EQ(Find({.service = "' OR 1=1 --"}).size(), 0u);
}

TEST_F(StoreTest, RestartLosesNothingAndDoublesNothing) {
  for (uint64_t i = 0; i < 20; ++i) Ingest(Request({SampleSpan(i)}));
  Reopen();
  EXPECT_EQ(Find().size(), 20u);
  Ingest(Request({SampleSpan(3), SampleSpan(20)}));
  EXPECT_EQ(Find().size(), 21u);
  Reopen();
  EXPECT_EQ(Find().size(), 21u);
}

TEST_F(StoreTest, KilledStoreKeepsWhatItAcknowledged) {
  for (uint64_t i = 0; i < 5; ++i) Ingest(Request({SampleSpan(i)}));
  io::TempFolder crash;
  io::CopyFolder(folder_ / "store", crash / "store");
  StoreOptions options;
  options.dir = crash / "store";
  options.free_bytes_min = 0;
  auto other = *Store::Open(std::move(options));
  EXPECT_EQ(other->FindSpans({})->size(), 5u);
}

TEST_F(StoreTest, RetriedExportMakesNoSecondRow) {
  Ingest(Request({SampleSpan(1), SampleSpan(1)}));
  Ingest(Request({SampleSpan(1)}));
  EXPECT_EQ(Find().size(), 1u);
  // One that differs in a byte is another statement, and kept.
  wire::otlp::Span other = SampleSpan(1);
  other.name = "changed";
  Ingest(Request({other}));
  Ingest(Request({SampleSpan(1)}, SampleResource("elsewhere")));
  EXPECT_EQ(Find().size(), 3u);
}

TEST_F(StoreTest, WrongSpansOfARequestAreSaidAndTheOthersKept) {
  wire::otlp::Span wrong = SampleSpan(2);
  wrong.trace_id = {};
  auto taken = store_->IngestTraces(Request({SampleSpan(1), wrong, SampleSpan(3)}));
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->count, 2u);
  EXPECT_EQ(taken->rejected.rejected, 1);
  EXPECT_FALSE(taken->rejected.message.empty());
  Reopen();
  EXPECT_EQ(Find().size(), 2u);
}

TEST_F(StoreTest, ConcurrentRetriesMakeOneRow) {
  SampleLog log;
  const uint64_t leaf = log.AddRequest();
  ASSERT_TRUE(store_->AddRecords(log.origin(), log.leaves()));
  const std::string copy = log.Export(leaf, {{"k8s.pod.name", "gpu-7"}});
  const size_t own_rows = log.Spans(leaf).size();
  {
    std::vector<Thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back("ingest", [&](std::stop_token) {
        for (uint64_t i = 0; i < 20; ++i) {
          EXPECT_TRUE(store_->IngestTraces(Request({SampleSpan(i)})));
          EXPECT_TRUE(store_->IngestTraces(copy));
        }
      });
    }
  }
  EXPECT_EQ(Find().size(), 20 + own_rows);
  EXPECT_EQ(Sql("SELECT count(*) FROM spans WHERE verified AND (resource->>'k8s.pod.name') = 'gpu-7'"),
            fmt::format("[[{}]]", own_rows));
}

TEST_F(StoreTest, ConcurrentIngestsAllArrive) {
  {
    std::vector<Thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back("ingest", [&, t](std::stop_token) {
        for (uint64_t i = 0; i < 25; ++i) {
          auto count = store_->IngestTraces(Request({SampleSpan(t * 1000 + i)}));
          ASSERT_TRUE(count) << count.error().message;
          ASSERT_EQ(Find({.trace_id = SampleSpan(t * 1000 + i).trace_id.Hex()}).size(), 1u);
        }
      });
    }
  }
  EXPECT_EQ(Find({.limit = 1000}).size(), 100u);
  Reopen();
  EXPECT_EQ(Find({.limit = 1000}).size(), 100u);
}

TEST_F(StoreTest, RegionOfTheResourceStandsWhereTheSpanSaysNone) {
  wire::otlp::Span own = SampleSpan(1);
  own.attributes.push_back({"cloud.region", "eu-central"});
  Ingest(Request({own, SampleSpan(2)}));
  EXPECT_EQ(Sql("SELECT region FROM spans ORDER BY start_us"), R"([["eu-central"],["hetzner-nbg1-eu"]])");
}

TEST_F(StoreTest, SqlReadsAndNothingElse) {
  Ingest(Request({SampleSpan(1)}));
  for (const char* sql :
       {"DELETE FROM span_rows", "INSERT INTO resources VALUES (1, 'x')", "COPY spans TO '/tmp/spans.csv'",
        "SELECT 1; DELETE FROM span_rows", "SELECT * FROM read_text('/etc/hostname')", "SELEC"}) {
    auto answer = store_->Sql(sql, 10);
    ASSERT_FALSE(answer) << sql;
    EXPECT_EQ(answer.error().code, ErrorCode::kInvalidArgument) << sql;
  }
  EXPECT_EQ(Sql("SELECT count(*) FROM spans"), "[[1]]");
}

TEST_F(StoreTest, BadBytesAreRefusedAndNamed) {
  auto bad = store_->IngestTraces("\x0a\xff\xff");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(store_->IngestTraces("")->count, 0u);
  EXPECT_EQ(Find().size(), 0u);
}

// Each row has a copy of its scope and of its service's name; what fills 64 MB with them is the last that is taken.
TEST_F(StoreTest, ScopeCopiedIntoTooManyRowsIsRefusedBeforeTheLog) {
  std::vector<wire::otlp::Span> spans;
  for (uint64_t i = 0; i < 64; ++i) spans.push_back(SampleSpan(i));
  const std::string scope((1 << 20) - 4 - 4, 's');  // 1 MB with its head and with "vllm"
  auto refused = store_->IngestTraces(Request(spans, SampleResource(), scope + "s"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message,
            "67108928 bytes of copies of scopes and service.name in the rows of 64 spans, at most 67108864: "
            "send fewer spans in a request");
  Reopen();
  EXPECT_EQ(Sql("SELECT count(*) FROM spans"), "[[0]]");
  Ingest(Request(spans, SampleResource(), scope));
  Reopen();
  EXPECT_EQ(Sql("SELECT count(*) FROM spans"), "[[64]]");
}

TEST_F(StoreTest, ServiceNameCopiedIntoTooManyRowsIsRefusedBeforeTheLog) {
  std::vector<wire::otlp::Span> spans;
  for (uint64_t i = 0; i < 64; ++i) spans.push_back(SampleSpan(i));
  auto refused = store_->IngestTraces(Request(spans, SampleResource(std::string(1 << 20, 's'))));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  Reopen();
  EXPECT_EQ(Sql("SELECT count(*) FROM spans"), "[[0]]");
}

TEST_F(StoreTest, SecondStoreOnTheFolderIsRefused) {
  StoreOptions options;
  options.dir = folder_ / "store";
  auto second = Store::Open(std::move(options));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(StoreTest, ClosedStoreTakesNothing) {
  store_->Close();
  EXPECT_EQ(store_->IngestTraces(Request({SampleSpan(1)})).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store_->Health().error().code, ErrorCode::kUnavailable);
}

TEST(StoreDisk, FullDiskRefusesAndHeals) {
  testing::TestStore store;
  store.Reopen(1000);
  store.SetFreeBytes(10);
  EXPECT_EQ(store->IngestTraces(Request({SampleSpan(1)})).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(store->FindSpans({})->size(), 0u);
  store.SetFreeBytes(-1);
  EXPECT_EQ(store->IngestTraces(Request({SampleSpan(1)}))->count, 1u);
  EXPECT_EQ(store->FindSpans({})->size(), 1u);
}

}  // namespace
}  // namespace beleg::store
