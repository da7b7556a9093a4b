#include "store/store.h"

#include <atomic>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/thread.h"
#include "io/testing.h"
#include "record/request_id.h"
#include "store/span_row.h"
#include "store/testing.h"

namespace beleg::store {
namespace {

using testing::Request;
using testing::SampleLog;
using testing::SampleResource;
using testing::SampleSpan;

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    store_.reset();
    StoreOptions options;
    options.dir = folder_ / "store";
    options.free_bytes_min = 0;
    auto store = Store::Open(std::move(options));
    ASSERT_TRUE(store) << store.error().message;
    store_ = *std::move(store);
  }
  std::vector<SpanRow> Find(SpanFilter filter = {}) {
    auto rows = store_->FindSpans(filter);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? *std::move(rows) : std::vector<SpanRow>{};
  }
  std::string Sql(std::string_view sql) {
    auto json = store_->Sql(sql, 100);
    return json ? json->Find("rows")->Dump() : json.error().message;
  }
  void Ingest(const std::string& request) {
    auto count = store_->IngestTraces(request);
    ASSERT_TRUE(count) << count.error().message;
  }

  io::TempFolder folder_;
  std::unique_ptr<Store> store_;
};

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

TEST_F(StoreTest, RegionOfTheResourceStandsWhereTheSpanSaysNone) {
  wire::otlp::Span own = SampleSpan(1);
  own.attributes.push_back({"cloud.region", "eu-central"});
  Ingest(Request({own, SampleSpan(2)}));
  EXPECT_EQ(Sql("SELECT region FROM spans ORDER BY start_us"), R"([["eu-central"],["hetzner-nbg1-eu"]])");
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
