#include "audit/check.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/testing.h"
#include "wire/sha256.h"

namespace beleg::audit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using verify::testing::TestLog;
using wire::Json;

// A server and a store that agree, until a test makes them disagree.
class CheckTest : public ::testing::Test {
 protected:
  CheckTest() : log_(SampleEntries()) {
    id_ = ResponseIdOf(record::SampleRecords()[0]);
    answer_ = Json::MakeObject(
        {{"id", id_},
         {"object", "chat.completion"},
         {"model", "smollm2-135m-instruct"},
         {"choices", Json::MakeArray({Json::MakeObject(
                         {{"index", 0},
                          {"message", Json::MakeObject({{"role", "assistant"}, {"content", "It is a law."}})},
                          {"finish_reason", "stop"}})})},
         {"usage",
          Json::MakeObject({{"prompt_tokens", 312}, {"completion_tokens", 128}, {"total_tokens", 440}})}});
    options_.completion.base_url = server_.url() + "/v1";
    options_.store_url = store_.url();
    options_.vkey = log_.vkey_text();
    options_.find_timeout = std::chrono::milliseconds(0);  // nothing comes later, but where a test says so
    spans_ = {SpanRow(Attributes())};
    record_ = RecordAnswer(0);
  }

  Json Attributes() const {
    return Json::MakeObject({{"gen_ai.response.id", id_},
                             {"gen_ai.model.id", "smollm2-135m-instruct"},
                             {"gen_ai.usage.prompt_tokens", 312},
                             {"gen_ai.usage.completion_tokens", 128},
                             {"gen_ai.response.finish_reasons", Json::MakeArray({"stop"})},
                             {"deployment.region", "hetzner-nbg1-eu"},
                             {"audit.log.origin", log_.origin},
                             {"audit.log.index", 0},
                             {"audit.leaf_hash", HexEncode(AsView(log_.leaves[0]))}});
  }
  static Json Without(Json object, std::string_view key) {
    std::erase_if(object.as_object(), [&](const Json::Member& member) { return member.first == key; });
    return object;
  }
  static Json With(Json object, std::string_view key, Json value) {
    object.Set(key, std::move(value));
    return object;
  }
  static Json SpanRow(Json attributes, std::string kind = "SERVER",
                      std::string span_id = "00f067aa0ba902b7") {
    return Json::MakeObject({{"trace_id", "0102030405060708090a0b0c0d0e0f10"},
                             {"span_id", span_id},
                             {"name", "chat smollm2-135m-instruct"},
                             {"kind", kind},
                             {"attributes", std::move(attributes)}});
  }
  Json RecordAnswer(size_t index) const {
    return Json::MakeObject({{"record", *Json::Parse(log_.entries[index])},
                             {"index", static_cast<int64_t>(index)},
                             {"leaf_hash", HexEncode(AsView(log_.leaves[index]))},
                             {"proof", ProofText(log_, index)},
                             {"vkey", log_.vkey_text()},
                             {"entry_base64", Base64Encode(log_.entries[index])}});
  }

  CheckReport Run() {
    server_.OnJson("GET /v1/models",
                   Json::MakeObject({{"data", Json::MakeArray({Json::MakeObject({{"id", "first"}})})}}));
    server_.On("POST /v1/chat/completions", [this](const net::HttpRequest&) {
      net::HttpResponse response = net::MakeResponse(200, "application/json", answer_.Dump());
      for (const auto& [name, value] : headers_.fields()) response.headers.Add(name, value);
      return response;
    });
    store_.OnJson("GET /api/v1/spans", Json::MakeObject({{"spans", Json(spans_)}}));
    store_.OnJson("GET /api/records/" + id_, record_);
    return Check(options_);
  }
  // Runs, and expects this one finding.
  void ExpectFinding(std::string_view text) {
    CheckReport report = Run();
    EXPECT_EQ(report.verdict, CheckVerdict::kMissing);
    EXPECT_THAT(report.findings, ElementsAre(HasSubstr(std::string(text))));
    EXPECT_THAT(RenderText(options_, report), HasSubstr("FAILED:"));
  }
  void ExpectUnreachable(std::string_view text) {
    CheckReport report = Check(options_);
    EXPECT_EQ(report.verdict, CheckVerdict::kUnreachable);
    EXPECT_THAT(report.findings, ElementsAre(HasSubstr(std::string(text))));
    EXPECT_THAT(RenderText(options_, report), HasSubstr("COULD NOT BE CHECKED:"));
  }

  FakeSite server_, store_;
  TestLog log_;
  std::string id_;
  Json answer_;
  net::HttpHeaders headers_;
  Json::Array spans_;
  Json record_;
  CheckOptions options_;
};

TEST_F(CheckTest, WholeRequestIsConfirmed) {
  CheckReport report = Run();
  EXPECT_EQ(report.verdict, CheckVerdict::kOk);
  EXPECT_THAT(report.findings, IsEmpty());
  ASSERT_THAT(report.spans, SizeIs(1));
  EXPECT_TRUE(report.spans[0].complete);
  EXPECT_THAT(report.spans[0].attributes, SizeIs(5));
  ASSERT_TRUE(report.record.has_value());
  EXPECT_EQ(report.record->index, 0u);
  EXPECT_EQ(report.record->entry, log_.entries[0]);
  EXPECT_EQ(report.record->checkpoint.size, log_.entries.size());
  EXPECT_TRUE(report.record->key_pinned);
  EXPECT_EQ(report.completion->text, "It is a law.");
}

TEST_F(CheckTest, ReportHasTheTutorialsLines) {
  std::string text = RenderText(options_, Run());
  EXPECT_THAT(text, HasSubstr("Sending test completion to " + server_.url() + "/v1 ...\n"));
  EXPECT_THAT(
      text,
      HasSubstr(
          "Response received: {\n  \"id\": \"" + id_ +
          "\",\n  \"model\": \"smollm2-135m-instruct\",\n"
          "  \"prompt_tokens\": 312,\n  \"completion_tokens\": 128,\n  \"finish_reason\": \"stop\"\n}\n"));
  for (const std::string& attribute : options_.required)
    EXPECT_THAT(text, HasSubstr("  PASS     " + attribute + " = "));
  EXPECT_THAT(text, HasSubstr("  PASS     gen_ai.response.finish_reasons = [\"stop\"]\n"));
  EXPECT_THAT(text, HasSubstr("Answer: \"It is a law.\"\n"));
  EXPECT_THAT(text, HasSubstr("Record: leaf 0 of example.com/log"));
  EXPECT_THAT(text, HasSubstr(log_.entries[0]));
  EXPECT_THAT(text, HasSubstr("\nAll required audit attributes confirmed in " + store_.url()));
}

TEST_F(CheckTest, RequestIsThatOfAnOpenAiClient) {
  options_.completion.prompt = "Hello?";
  options_.completion.api_key = "sk-test";
  options_.completion.max_tokens = 7;
  Run();
  net::HttpRequest sent = server_.Last("POST /v1/chat/completions");
  EXPECT_EQ(sent.body, R"({"model":"first","messages":[{"role":"user","content":"Hello?"}],"max_tokens":7})");
  EXPECT_EQ(net::BearerToken(sent.headers), "sk-test");
  EXPECT_EQ(sent.headers.Get("content-type"), "application/json");
  options_.completion.model = "mine";
  Run();
  EXPECT_THAT(server_.Last("POST /v1/chat/completions").body, HasSubstr(R"("model":"mine")"));
}

TEST_F(CheckTest, StoreIsAskedAsTheTutorialAsks) {
  ManualClock clock(1'795'500'100'123'456);
  options_.clock = &clock;
  options_.store_api_key = "store-key";
  options_.service = "a b";
  options_.span_limit = 20;
  Run();
  net::HttpRequest asked = store_.Last("GET /api/v1/spans");
  EXPECT_EQ(asked.target, "/api/v1/spans?service=a%20b&start=1795499800123&end=1795500100123&limit=20");
  EXPECT_EQ(net::BearerToken(asked.headers), "store-key");
}

TEST_F(CheckTest, EachMissingAttributeIsFound) {
  for (const std::string& key : options_.required) {
    spans_ = {SpanRow(Without(Attributes(), key))};
    ExpectFinding("span 00f067aa0ba902b7: " + key + " is missing");
    EXPECT_THAT(RenderText(options_, Run()), HasSubstr("  MISSING  " + key + "\n"));
  }
}

TEST_F(CheckTest, MoreAttributesCanBeRequired) {
  options_.required.push_back("cloud.region");
  ExpectFinding("cloud.region is missing");
}

TEST_F(CheckTest, SpansDoNotMakeUpForEachOther) {
  spans_ = {SpanRow(Without(Attributes(), "gen_ai.model.id"), "SERVER", "1"),
            SpanRow(Without(Attributes(), "deployment.region"), "SERVER", "2")};
  EXPECT_THAT(Run().findings,
              ElementsAre("span 1: gen_ai.model.id is missing", "span 2: deployment.region is missing"));
}

TEST_F(CheckTest, SpansOfOtherKindsAreNotAsked) {
  spans_.push_back(SpanRow(Json::MakeObject({{"gen_ai.response.id", id_}}), "INTERNAL"));
  spans_.push_back(SpanRow(Json::MakeObject({{"gen_ai.response.id", id_}}), "SPAN_KIND_CLIENT"));
  CheckReport report = Run();
  EXPECT_EQ(report.verdict, CheckVerdict::kOk);
  EXPECT_THAT(report.spans, SizeIs(1));
}

TEST_F(CheckTest, KindIsReadInEveryCommonForm) {
  for (const Json& kind :
       {Json("SPAN_KIND_SERVER"), Json("Server"), Json("SpanKind.SERVER"), Json(2), Json(nullptr)}) {
    spans_ = {With(SpanRow(Attributes()), "kind", kind)};
    EXPECT_THAT(Run().spans, SizeIs(1)) << kind.Dump();
  }
}

TEST_F(CheckTest, OtherSpansAreCoverage) {
  Json complete = With(Attributes(), "gen_ai.response.id", "chatcmpl-other");
  spans_.push_back(SpanRow(complete));
  spans_.push_back(SpanRow(Without(complete, "deployment.region"), "SERVER", "3"));
  CheckReport report = Run();
  EXPECT_EQ(report.verdict, CheckVerdict::kOk);
  EXPECT_THAT(report.others, SizeIs(2));
  std::string text = RenderText(options_, report);
  EXPECT_THAT(text,
              HasSubstr("Other server spans of the last 5 minutes: 2, with all required attributes: 1\n"));
  EXPECT_THAT(text, HasSubstr("  3 (chat smollm2-135m-instruct): deployment.region missing\n"));
  options_.strict = true;
  ExpectFinding("other span 3: deployment.region is missing");
}

TEST_F(CheckTest, ValuesAreComparedWithTheAnswer) {
  const std::pair<std::string, Json> wrong[] = {
      {"gen_ai.model.id", "other"},
      {"gen_ai.usage.prompt_tokens", 313},
      {"gen_ai.usage.completion_tokens", 0},
      {"gen_ai.response.finish_reasons", Json::MakeArray({"length"})}};
  for (const auto& [key, value] : wrong) {
    spans_ = {SpanRow(With(Attributes(), key, value))};
    ExpectFinding(key + " is ");
  }
}

TEST_F(CheckTest, MissingSpanIsFound) {
  spans_.clear();
  ExpectFinding("no span of service \"vllm\"");
}

TEST_F(CheckTest, SpanAndRecordThatComeLaterAreFound) {
  options_.find_timeout = std::chrono::seconds(30);
  Run();  // sets the answers that the next lines replace
  std::atomic<int> asked_spans = 0, asked_records = 0;
  store_.On("GET /api/v1/spans", [&](const net::HttpRequest&) {
    Json::Array rows = ++asked_spans > 1 ? spans_ : Json::Array{};
    return net::MakeResponse(200, "application/json", Json::MakeObject({{"spans", Json(rows)}}).Dump());
  });
  store_.On("GET /api/records/" + id_, [&](const net::HttpRequest&) {
    bool there = ++asked_records > 1;
    return net::MakeResponse(there ? 200 : 404, "application/json", there ? record_.Dump() : "{}");
  });
  CheckReport report = Check(options_);
  EXPECT_EQ(report.verdict, CheckVerdict::kOk) << RenderText(options_, report);
  EXPECT_EQ(asked_spans, 2);
  EXPECT_EQ(asked_records, 2);
}

TEST_F(CheckTest, SpanOfAnotherLeafIsFound) {
  spans_ = {SpanRow(With(Attributes(), "audit.log.index", 5))};
  ExpectFinding("audit.log.index is 5, the record is leaf 0");
  spans_ = {SpanRow(With(Attributes(), "audit.leaf_hash", "00"))};
  ExpectFinding("audit.leaf_hash is 00");
}

TEST_F(CheckTest, MissingRecordIsFound) {
  Run();
  store_.OnText("GET /api/records/" + id_, "{}", 404);
  CheckReport report = Check(options_);
  EXPECT_EQ(report.verdict, CheckVerdict::kMissing);
  EXPECT_THAT(report.findings, ElementsAre(HasSubstr("no record of " + id_)));
  options_.want_record = false;
  EXPECT_EQ(Check(options_).verdict, CheckVerdict::kOk);
}

TEST_F(CheckTest, RecordIsNotBelieved) {
  Json good = record_;
  const std::pair<std::string, Json> wrong[] = {{"index", 1},
                                                {"index", -1},
                                                {"index", "0"},
                                                {"leaf_hash", HexEncode(AsView(log_.leaves[1]))},
                                                {"proof", ProofText(log_, 1)},
                                                {"proof", "nonsense"},
                                                {"entry_base64", Base64Encode(log_.entries[1])},
                                                {"entry_base64", "!"},
                                                {"record", *Json::Parse(log_.entries[1])}};
  for (const auto& [key, value] : wrong) {
    record_ = With(good, key, value);
    ExpectFinding("GET " + store_.url() + "/api/records/" + id_);
  }
  for (std::string key : {"record", "index", "leaf_hash", "proof", "entry_base64"}) {
    record_ = Without(good, key);
    ExpectFinding(key + ": missing");
  }
}

TEST_F(CheckTest, RecordOfAnotherKeyIsFound) {
  options_.vkey = TestLog(1, log_.origin, 99).vkey_text();
  ExpectFinding("no signature of example.com/log");
}

TEST_F(CheckTest, WithoutPinnedKeyTheReportSaysSo) {
  options_.vkey.clear();
  CheckReport report = Run();
  EXPECT_EQ(report.verdict, CheckVerdict::kOk);
  EXPECT_FALSE(report.record->key_pinned);
  EXPECT_THAT(RenderText(options_, report), HasSubstr("the key is the store's own word"));
  record_ = Without(record_, "vkey");
  ExpectFinding("vkey: missing");
}

TEST_F(CheckTest, RecordOfAnotherRequestIsFound) {
  id_ = "chatcmpl-00000000000000000000000000000001";
  answer_.Set("id", id_);
  spans_ = {SpanRow(With(Attributes(), "gen_ai.response.id", id_))};
  ExpectFinding("not of chatcmpl-00000000000000000000000000000001");
}

TEST_F(CheckTest, RecordOfTheWrongTypeIsFound) {
  record_ = RecordAnswer(1);  // the same request, refused
  spans_ = {SpanRow(Without(Without(Attributes(), "audit.log.index"), "audit.leaf_hash"))};
  ExpectFinding("record 1: type refused, want request");
}

TEST_F(CheckTest, RecordIsComparedWithTheAnswer) {
  answer_.Find("usage")->Set("prompt_tokens", 1);
  answer_.Find("usage")->Set("completion_tokens", 2);
  answer_.Set("model", "other");
  answer_.Find("choices")->as_array()[0].Set("finish_reason", "length");
  std::vector<std::string> findings = Run().findings;
  EXPECT_THAT(findings, Contains("record 0: input_tokens is 312, the answer said 1"));
  EXPECT_THAT(findings, Contains("record 0: output_tokens is 128, the answer said 2"));
  EXPECT_THAT(findings, Contains("record 0: model is smollm2-135m-instruct, the answer said other"));
  EXPECT_THAT(findings, Contains("record 0: finish_reasons is [\"stop\"], the answer said [\"length\"]"));
  EXPECT_THAT(findings, SizeIs(8));
}

TEST_F(CheckTest, ReceiptsOfTheAnswerAreChecked) {
  std::string hex = id_.substr(id_.find('-') + 1);
  headers_.Add("Audit-Begin", BeginReceiptText(log_, hex));
  headers_.Add("Audit-Finish", FinishReceiptText(log_, 0, hex));
  CheckReport report = Run();
  EXPECT_THAT(report.findings, IsEmpty());
  EXPECT_THAT(report.receipts, ElementsAre("begin", "finish"));
  EXPECT_THAT(RenderText(options_, report), HasSubstr("finish receipt of the answer: good"));
}

TEST_F(CheckTest, ReceiptsThatDoNotFitAreFound) {
  std::string hex = id_.substr(id_.find('-') + 1);
  for (const std::string& bad :
       {FinishReceiptText(log_, 1, hex), FinishReceiptText(log_, 0, std::string(32, '0')),
        std::string("v1.nonsense"), BeginReceiptText(TestLog(1, log_.origin, 99), hex)}) {
    headers_ = {};
    headers_.Add("Audit-Finish", bad);
    ExpectFinding("finish receipt: ");
  }
}

TEST_F(CheckTest, UnreachableServerIsNoFinding) {
  options_.completion.base_url = "http://127.0.0.1:1/v1";
  options_.completion.model = "x";
  ExpectUnreachable("POST http://127.0.0.1:1/v1/chat/completions");
  options_.completion.base_url = "nonsense";
  ExpectUnreachable("nonsense");
}

TEST_F(CheckTest, UselessAnswerOfTheServerIsUnreachable) {
  Run();
  for (std::string body :
       {"nonsense", "{}", R"({"id":"x"})", R"({"id":7,"model":"m"})",
        R"({"id":"x","model":"m","usage":{"prompt_tokens":1,"completion_tokens":1},"choices":[]})"}) {
    server_.OnText("POST /v1/chat/completions", body);
    ExpectUnreachable("POST " + server_.url() + "/v1/chat/completions: ");
  }
  server_.OnText("POST /v1/chat/completions", R"({"error":{"message":"no model"}})", 404);
  ExpectUnreachable(R"(HTTP 404 {"error":{"message":"no model"}})");
  server_.OnText("GET /v1/models", R"({"data":[]})");
  ExpectUnreachable("data.0: missing");
}

TEST_F(CheckTest, UnreachableStoreIsNoFinding) {
  Run();
  store_.OnText("GET /api/v1/spans", "down\n", 500);
  ExpectUnreachable("HTTP 500 down");
  store_.OnText("GET /api/v1/spans", R"({"rows":[]})");
  ExpectUnreachable("spans: not an array");
  store_.OnText("GET /api/v1/spans", R"({"spans":[{}]})");
  ExpectUnreachable("spans[0].attributes: not an object");
  Run();
  store_.OnText("GET /api/records/" + id_, "who are you", 401);
  ExpectUnreachable("HTTP 401 who are you");
  options_.store_url = "http://127.0.0.1:1";
  ExpectUnreachable("GET http://127.0.0.1:1/api/v1/spans");
}

TEST_F(CheckTest, ForeignTextCannotSteerTheTerminal) {
  answer_.Find("choices")->as_array()[0].Find("message")->Set("content", "\x1b[2J\n  PASS  all");
  spans_ = {SpanRow(With(Attributes(), "deployment.region", "eu\n  PASS  x\x1b[2J"))};
  std::string text = RenderText(options_, Run());
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(text, Not(HasSubstr("\n  PASS  x")));
  EXPECT_THAT(text, Not(HasSubstr("\n  PASS  all")));
}

TEST_F(CheckTest, ALogThatChangedItsKeyIsCheckedFromEitherKey) {
  const std::string old_vkey = log_.vkey_text();
  ChangeKey(log_, 8, {});
  record_ = RecordAnswer(0);
  headers_.Add("Audit-Finish", FinishReceiptText(log_, 0, id_.substr(id_.find('-') + 1)));
  const std::string hash = HexEncode(AsView(wire::Sha256(log_.origin)));
  store_.OnText("GET /mirror/" + hash + "/keys/001.tlog-proof", log_.files.at("keys/001.tlog-proof"));
  for (const std::string& vkey : {old_vkey, log_.vkey_text()}) {
    options_.vkey = vkey;
    CheckReport report = Run();
    EXPECT_EQ(report.verdict, CheckVerdict::kOk) << RenderText(options_, report);
  }
}

}  // namespace
}  // namespace beleg::audit
