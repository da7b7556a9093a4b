// What the API puts on record in the audit host's own log.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/query_api.h"
#include "record/testing.h"
#include "store/testing.h"

namespace beleg::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class HostLogApiTest : public ::testing::Test {
 protected:
  void SetUp() override { MakeApi("", &sink_); }
  void MakeApi(std::string key, record::AuditSink* sink, store::Holds* holds = nullptr) {
    QueryApiOptions options;
    options.api_key = std::move(key);
    options.log = sink;
    options.holds = holds;
    api_ = std::make_unique<QueryApi>(options, *store_, std::vector<store::Mirror*>{});
  }
  net::HttpResponse Send(std::string method, std::string target, std::string body = "",
                         std::string key = "") {
    net::HttpRequest request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    if (!key.empty()) request.headers.Add("Authorization", "Bearer " + key);
    return api_->Handle(request);
  }
  static std::string Encoded(size_t type) { return record::Encode(record::SampleRecords()[type]); }

  store::testing::TestStore store_;
  record::RecordingSink sink_;
  std::unique_ptr<QueryApi> api_;
};

TEST_F(HostLogApiTest, ReadsOfRecordsAndSpansAreCounted) {
  Send("GET", "/api/records?limit=1");
  Send("GET", "/api/records/" + std::string(32, 'a'));
  Send("GET", "/api/v1/spans");
  Send("GET", "/api/v1/traces/" + std::string(32, 'a'));
  Send("POST", "/api/sql", "SELECT 1");
  for (const char* path : {"/health", "/metrics", "/api/overview", "/api/ledger", "/nothing"})
    Send("GET", path);
  EXPECT_THAT(sink_.reads,
              ElementsAre(Pair("anonymous", "records"), Pair("anonymous", "record"),
                          Pair("anonymous", "spans"), Pair("anonymous", "trace"), Pair("anonymous", "sql")));
}

TEST_F(HostLogApiTest, WhoHasNoKeyReadsNothingAndIsNotCounted) {
  MakeApi("secret", &sink_);
  EXPECT_EQ(Send("GET", "/api/records").status, 401);
  EXPECT_THAT(sink_.reads, IsEmpty());
  Send("GET", "/api/records", "", "secret");
  EXPECT_THAT(sink_.reads, ElementsAre(Pair("api-key", "records")));
  EXPECT_EQ(Send("POST", "/api/log", Encoded(14)).status, 401);
}

TEST_F(HostLogApiTest, ReconciliationsAndReviewsAreAppended) {
  net::HttpResponse first = Send("POST", "/api/log", Encoded(14));
  EXPECT_EQ(first.status, 200) << first.body;
  EXPECT_EQ(first.body, R"({"index":0})");
  EXPECT_EQ(Send("POST", "/api/log", Encoded(15)).body, R"({"index":1})");
  ASSERT_EQ(sink_.bodies.size(), 2u);
  EXPECT_EQ(sink_.bodies[0], record::SampleRecords()[14].body);
}

TEST_F(HostLogApiTest, OtherRecordsAreRefused) {
  for (size_t type = 0; type < 14; ++type)
    EXPECT_EQ(Send("POST", "/api/log", Encoded(type)).status, 400) << type;
  EXPECT_EQ(Send("POST", "/api/log", "{}").status, 400);
  EXPECT_EQ(Send("GET", "/api/log").status, 405);
  EXPECT_THAT(sink_.bodies, IsEmpty());
}

TEST_F(HostLogApiTest, HoldsAreSetListedAndLifted) {
  store::testing::SampleLog log;
  log.AddRequest();
  ASSERT_TRUE(store_->AddRecords(log.origin(), log.leaves()));
  io::TempFolder folder;
  auto holds = store::Holds::Open({.path = folder / "holds.json", .log = &sink_}, *store_);
  ASSERT_TRUE(holds);
  MakeApi("", &sink_, holds->get());
  const net::HttpResponse set =
      Send("POST", "/api/holds", R"({"name":"case-17","origin":"beleg-test","end_index":2})");
  EXPECT_EQ(set.status, 200) << set.body;
  EXPECT_NE(set.body.find(R"("items":2)"), std::string::npos) << set.body;
  EXPECT_EQ(Send("GET", "/api/holds").body, R"({"holds":[)" + set.body + "]}");
  EXPECT_EQ(Send("POST", "/api/holds", R"({"name":"case-17"})").status, 409);
  EXPECT_EQ(Send("POST", "/api/holds", R"({"name":"case 17"})").status, 400);
  EXPECT_EQ(Send("POST", "/api/holds", "no").status, 400);
  EXPECT_EQ(Send("DELETE", "/api/holds").status, 405);
  EXPECT_EQ(Send("GET", "/api/holds/case-17").status, 405);
  EXPECT_EQ(Send("DELETE", "/api/holds/case-17").status, 200);
  EXPECT_EQ(Send("DELETE", "/api/holds/case-17").status, 404);
  ASSERT_EQ(sink_.bodies.size(), 2u);
  EXPECT_EQ(std::get<record::Hold>(sink_.bodies[1]).action, "released");
  for (const std::string& hash : {std::string(64, '0'), std::string()})
    EXPECT_EQ(Send("GET", "/mirror/" + hash + "/holds").status, 404);
  EXPECT_EQ(Send("GET", "/mirror/holds").status, 404);
}

TEST_F(HostLogApiTest, WithoutALogNothingCanBeHeldAndNobodyIsToldThatNothingIs) {
  MakeApi("", nullptr);
  EXPECT_EQ(Send("POST", "/api/holds", R"({"name":"a"})").status, 404);
  const net::HttpResponse asked = Send("GET", "/mirror/" + std::string(64, '0') + "/holds");
  EXPECT_EQ(asked.status, 501);
  EXPECT_NE(asked.body.find("keeps no holds"), std::string::npos) << asked.body;
}

TEST_F(HostLogApiTest, WhatTheLogDoesNotTakeIsNotClaimed) {
  sink_.full = true;
  EXPECT_EQ(Send("POST", "/api/log", Encoded(14)).status, 429);
  MakeApi("", nullptr);
  EXPECT_EQ(Send("POST", "/api/log", Encoded(14)).status, 404);
  EXPECT_EQ(Send("GET", "/api/records").status, 200);
}

}  // namespace
}  // namespace beleg::query
