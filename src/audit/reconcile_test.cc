#include "audit/reconcile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/testing.h"
#include "io/testing.h"
#include "wire/otlp.h"

namespace beleg::audit {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using verify::testing::TestLog;

constexpr uint64_t kBootLeaf = 0, kModelLeaf = 1;

std::string Encoded(record::Body body) { return record::Encode(record::SampleRecord(std::move(body))); }

// Boot, model, requests 1 to 3, shutdown.
std::vector<std::string> LogOfThree() {
  record::Boot boot = std::get<record::Boot>(record::SampleRecords()[3].body);
  boot.previous_boot.reset();
  std::vector<std::string> entries = {Encoded(boot), Encoded(record::SampleRecords()[6].body)};
  for (uint64_t seq : {1, 2, 3}) {
    record::Request request = record::SampleRequest();
    request.id.seq = seq;
    request.id.boot_index = kBootLeaf;
    request.model_index = kModelLeaf;
    entries.push_back(Encoded(request));
  }
  entries.push_back(Encoded(record::Shutdown{"signal", {.accepted = 3, .answered = 3}, 3}));
  return entries;
}

class ReconcileTest : public ::testing::Test {
 protected:
  ReconcileTest() {
    WriteLog(log_, folder_ / "log");
    options_.log.place = folder_ / "log";
    options_.policy = *verify::Policy::Make({log_.vkey()}, {}, 0);
    options_.store_url = site_.url();
    site_.On("POST /api/sql", [this](const net::HttpRequest& request) { return AnswerSql(request.body); });
    site_.OnText("POST /api/log", R"({"index":7})");
    site_.OnText("POST /v1/traces", "");
  }

  // A store that lacks what the test says.
  net::HttpResponse AnswerSql(std::string_view sql) const {
    std::string rows;
    const auto add = [&rows](std::string row) { rows += (rows.empty() ? "" : ",") + row; };
    if (sql.contains("FROM records WHERE")) {
      for (size_t i = 0; i < log_.entries.size(); ++i)
        if (!not_stored_.contains(i)) add(fmt::format("[{}]", i));
    } else if (sql.contains("AND verified GROUP BY")) {
      for (uint64_t i : {2, 3, 4})
        if (!without_span_.contains(i)) add(fmt::format("[{},1]", i));
    } else {
      for (const std::string& stranger : strangers_) add(stranger);
    }
    return net::MakeResponse(200, "application/json", fmt::format(R"({{"columns":[],"rows":[{}]}})", rows));
  }
  ReconcileReport Reconcile() {
    auto report = ReconcileLog(options_);
    EXPECT_TRUE(report) << report.error().message;
    return std::move(*report);
  }
  // /metrics of the process that wrote the log.
  std::string Metrics(int64_t answered, int64_t prompt_tokens) const {
    return fmt::format(
        "beleg_boot_info{{boot=\"{}\"}} 1\nbeleg_requests_total{{end=\"answered\"}} {}\n"
        "vllm:prompt_tokens_total{{engine=\"0\"}} {}\n",
        record::SampleBoot().Hex(), answered, prompt_tokens);
  }

  io::TempFolder folder_;
  TestLog log_{LogOfThree()};
  FakeSite site_;
  ReconcileOptions options_;
  std::set<uint64_t> not_stored_, without_span_;
  std::vector<std::string> strangers_;
};

TEST_F(ReconcileTest, WhatAgreesIsPutOnRecord) {
  ReconcileReport report = Reconcile();
  EXPECT_TRUE(report.ok()) << RenderText(report);
  EXPECT_EQ(report.record.requests, 3);
  EXPECT_EQ(report.record.spans, 3);
  EXPECT_EQ(report.record.gaps, record::Gaps());
  EXPECT_EQ(report.record_index, 7);
  auto sent = record::Decode(site_.Last("POST /api/log").body);
  ASSERT_TRUE(sent);
  EXPECT_EQ(std::get<record::Reconcile>(sent->body), report.record);
  EXPECT_THAT(RenderText(report), HasSubstr("OK: all that was compared agrees"));
}

TEST_F(ReconcileTest, WhatTheStoreLacksIsNamedAndSentAgain) {
  not_stored_ = {3};
  without_span_ = {3, 4};
  options_.resend_url = site_.url() + "/v1/traces";
  ReconcileReport report = Reconcile();
  EXPECT_EQ(report.record.gaps.records_not_stored, 1);
  EXPECT_EQ(report.record.gaps.records_without_span, 2);
  EXPECT_EQ(report.record.resent, 2);
  EXPECT_THAT(RenderText(report),
              HasSubstr("FOUND  records_without_span: 2 requests without their server span: leaf 3, 4"));
  EXPECT_EQ(*wire::otlp::CountSpans(site_.Last("POST /v1/traces").body), 8u);  // four a request
}

TEST_F(ReconcileTest, SpansOfUnknownLeavesAreNamed) {
  strangers_ = {R"([2,"example.com/log",90,91])", R"([1,"other",null,null])"};
  ReconcileReport report = Reconcile();
  EXPECT_EQ(report.record.gaps.spans_without_record, 3);
  EXPECT_THAT(report.findings, SizeIs(2));
  EXPECT_THAT(report.findings[0].text, HasSubstr("2 spans claim leaves of example.com/log (90 to 91)"));
}

TEST_F(ReconcileTest, MetricsOfTheServerAreCompared) {
  options_.serve_url = site_.url();
  site_.OnText("GET /metrics", Metrics(3, 3 * 312));
  EXPECT_TRUE(Reconcile().ok());
  site_.OnText("GET /metrics", Metrics(5, 5 * 312));  // called past the log
  ReconcileReport more = Reconcile();
  EXPECT_EQ(more.record.gaps.metrics, 2);
  EXPECT_THAT(more.findings[0].text,
              HasSubstr("answered requests: the server counted 5 to 5, its records have 3"));
  site_.OnText("GET /metrics", "up 1\n");
  ReconcileReport other = Reconcile();
  EXPECT_TRUE(other.ok());
  EXPECT_THAT(other.notes, SizeIs(1));
}

TEST_F(ReconcileTest, AProcessThatTheLogDoesNotKnowIsAFinding) {
  options_.serve_url = site_.url();
  site_.OnText("GET /metrics", "beleg_boot_info{boot=\"0102030405060708\"} 1\n");
  EXPECT_EQ(Reconcile().record.gaps.metrics, 1);
}

TEST_F(ReconcileTest, ReceiptsOfClientsAreJudged) {
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder_ / "receipts"));
  auto write = [this](const std::string& name, const std::string& text) {
    ASSERT_TRUE(io::WriteFileDurably(io::PosixFileSystem(), folder_ / ("receipts/" + name), text));
  };
  options_.receipts = folder_ / "elsewhere";
  EXPECT_EQ(ReconcileLog(options_).error().code, ErrorCode::kInvalidArgument)
      << "a wrong argument is no finding";
  options_.receipts = folder_ / "receipts";
  EXPECT_THAT(Reconcile().notes, Contains(HasSubstr("no receipt in it")));
  write("a", "Audit-Finish: " + FinishReceiptText(log_, 2, std::string(32, 'a')));
  EXPECT_TRUE(Reconcile().ok());
  write("b", "Audit-Begin: " + BeginReceiptText(log_, std::string(32, 'b'), 1'795'500'001'000'000));
  ReconcileReport missing = Reconcile();
  EXPECT_EQ(missing.record.receipts, 2);
  EXPECT_EQ(missing.record.gaps.receipts_without_record, 1);
  EXPECT_THAT(missing.findings[0].text, HasSubstr("missing: request " + std::string(32, 'b')));
}

TEST_F(ReconcileTest, AChangeOfKeysIsNoFindingAndAForgedKeyIs) {
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder_ / "receipts"));
  auto write = [this](const std::string& path, const std::string& text) {
    ASSERT_TRUE(io::WriteFileDurably(io::PosixFileSystem(), folder_ / path, text));
  };
  options_.receipts = folder_ / "receipts";
  write("receipts/before", FinishReceiptText(log_, 2, std::string(32, 'a')));
  const std::vector<std::string> entries = log_.entries;
  ChangeKey(log_, 8, {});
  WriteLog(log_, folder_ / "log");
  write("receipts/after", FinishReceiptText(log_, 6, std::string(32, 'b')));
  for (const bool pins_new : {false, true}) {
    if (pins_new) options_.policy = *verify::Policy::Make({log_.vkey()}, {}, 0);
    ReconcileReport report = Reconcile();
    EXPECT_TRUE(report.ok()) << RenderText(report);
    EXPECT_EQ(report.record.receipts, 2);
  }
  TestLog forged(log_.entries);
  forged.key = verify::testing::TestKey(9);
  write("receipts/forged", FinishReceiptText(forged, 6, std::string(32, 'b')));
  EXPECT_EQ(Reconcile().record.gaps.receipts_without_record, 1);
  forged.Write();
  forged.files["keys/001.tlog-proof"] = log_.files.at("keys/001.tlog-proof");
  WriteLog(forged, folder_ / "log");
  EXPECT_EQ(ReconcileLog(options_).error().code, ErrorCode::kDataLoss);
}

TEST_F(ReconcileTest, DamageOfTheLogIsAFinding) {
  log_.entries[2] = "{}";
  log_.Write();
  WriteLog(log_, folder_ / "log");
  ReconcileReport report = Reconcile();
  EXPECT_GE(report.record.gaps.log_damage, 1);
  EXPECT_GE(report.record.gaps.seq_holes, 1);
}

TEST_F(ReconcileTest, WithoutAStoreNothingIsPutOnRecord) {
  options_.store_url.clear();
  ReconcileReport report = Reconcile();
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.record_index, -1);
  EXPECT_THAT(report.notes, SizeIs(2));
  const wire::Json json = RenderJson(report);
  EXPECT_TRUE(json.Find("ok")->as_bool());
  EXPECT_EQ(json.Find("requests")->as_int(), 3);
  EXPECT_TRUE(json.Find("record_index")->is_null());
}

TEST_F(ReconcileTest, AStoreThatCannotBeAskedIsAnError) {
  site_.OnText("POST /api/sql", "busy", 503);
  EXPECT_EQ(ReconcileLog(options_).error().code, ErrorCode::kUnavailable);
  site_.OnText("POST /api/sql", "{}");
  EXPECT_EQ(ReconcileLog(options_).error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace beleg::audit
