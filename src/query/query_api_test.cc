#include "query/query_api.h"

#include <fstream>

#include <gtest/gtest.h>

#include "net/otlp_receiver.h"
#include "record/request_id.h"
#include "store/testing.h"
#include "verify/proof.h"
#include "verify/testing.h"
#include "wire/otlp_edit.h"
#include "wire/otlp_json.h"

namespace beleg::query {
namespace {

using store::testing::Request;
using store::testing::SampleLog;
using store::testing::SampleSpan;
using wire::Json;

// A mirror whose ledger is a log in memory; what Refresh brings is up to the test.
class FakeMirror final : public store::Mirror {
 public:
  FakeMirror(const SampleLog& log, store::Store& store)
      : log_(log), store_(store), tiles_(log.entries(), log.origin()) {}

  store::MirrorState state() const override {
    store::MirrorState state;
    state.url = "http://127.0.0.1:8001";
    state.origin = log_.origin();
    state.vkey = tiles_.vkey_text();
    state.size = log_.leaves().size();
    state.problem = problem;
    return state;
  }
  Result<void> Refresh(std::chrono::milliseconds) override {
    ++refreshes;
    if (!problem.empty()) return Fail(ErrorCode::kUnavailable, "{}", problem);
    tiles_ = verify::testing::TestLog(log_.entries(), log_.origin());
    return store_.AddRecords(log_.origin(), log_.leaves());
  }
  net::HttpResponse AddCheckpoint(witness::Submission, std::chrono::milliseconds) override {
    return net::MakeResponse(200, "text/plain", "cosigned");
  }
  Result<std::string> Entry(uint64_t index) override {
    return index == damaged ? std::string("damaged") : log_.leaves().at(index).bytes;
  }
  Result<std::string> Proof(uint64_t index) override {
    verify::TileReader reader(tiles_.Source(), tiles_.checkpoint());
    TRY_ASSIGN(auto hashes, reader.InclusionProof(index));
    return verify::FormatTlogProof({"", index, hashes, tiles_.files["checkpoint"]});
  }
  Result<std::string> ReadResource(std::string_view path) override {
    return tiles_.Source()(std::string(path));
  }
  void Close() override {}

  int refreshes = 0;
  std::string problem;
  std::optional<uint64_t> damaged;  // the leaf whose bytes are others now

 private:
  const SampleLog& log_;
  store::Store& store_;
  verify::testing::TestLog tiles_;
};

class QueryApiTest : public ::testing::Test {
 protected:
  void SetUp() override {
    mirror_ = std::make_unique<FakeMirror>(log_, *store_);
    MakeApi({});
  }
  void MakeApi(QueryApiOptions options) {
    options.metrics = &metrics_;
    options.clock = &clock_;
    api_ = std::make_unique<QueryApi>(options, *store_, std::vector<store::Mirror*>{mirror_.get()});
  }
  net::HttpResponse Get(std::string target) {
    net::HttpRequest request;
    request.method = "GET";
    request.target = std::move(target);
    return api_->Handle(request);
  }
  Json GetJson(std::string target, int status = 200) {
    net::HttpResponse response = Get(std::move(target));
    EXPECT_EQ(response.status, status) << response.body;
    return *Json::Parse(response.body);
  }
  net::HttpResponse Post(std::string body, net::HttpHeaders headers, std::string target = "/v1/traces") {
    net::HttpRequest request;
    request.method = "POST";
    request.target = std::move(target);
    request.headers = std::move(headers);
    request.body = std::move(body);
    return request.target == "/api/sql" ? api_->Handle(request) : api_->HandleOtlp(request);
  }
  // The id in the answer that this leaf records.
  std::string ResponseId(uint64_t index) const {
    const record::AuditRecord& record = log_.record(index);
    const record::RequestIdentity& id = *record::IdentityOf(record);
    return record::FormatRequestId(id.operation, record::DeriveRequestId(record.boot, id.seq, id.trace_id));
  }

  store::testing::TestStore store_;
  MetricRegistry metrics_;
  ManualClock clock_;
  SampleLog log_;
  std::unique_ptr<FakeMirror> mirror_;
  std::unique_ptr<QueryApi> api_;
};

const net::HttpHeaders kProtobuf = {{"content-type", "application/x-protobuf"}};
const net::HttpHeaders kJson = {{"content-type", "application/json"}};

TEST_F(QueryApiTest, SpansAreShapedAsTheTutorialReadsThem) {
  ASSERT_TRUE(store_->IngestTraces(Request({SampleSpan(1)})));
  Json answer = GetJson("/api/v1/spans?service=vllm&start=1700000000000&end=1700000000001&limit=20");
  ASSERT_EQ(answer.Find("spans")->as_array().size(), 1u);
  const Json& span = answer.Find("spans")->as_array()[0];
  EXPECT_EQ(span.Find("attributes")->Find("gen_ai.usage.prompt_tokens")->as_int(), 42);
  EXPECT_EQ(span.Find("attributes")->Find("gen_ai.response.finish_reasons")->Dump(), R"(["stop"])");
  EXPECT_EQ(span.Find("resource")->Find("deployment.region")->as_string(), "hetzner-nbg1-eu");
  EXPECT_EQ(span.Find("attributes")->Find("deployment.region")->as_string(), "hetzner-nbg1-eu")
      << "where the collector put it, and where the client looks";
  EXPECT_EQ(span.Find("attributes")->Find("service.name"), nullptr);
  EXPECT_EQ(span.Find("trace_id")->as_string(), SampleSpan(1).trace_id.Hex());
  EXPECT_EQ(span.Find("parent_span_id")->as_string(), "");
  EXPECT_EQ(span.Find("name")->as_string(), "llm.generate");
  EXPECT_EQ(span.Find("kind")->as_string(), "INTERNAL");
  EXPECT_EQ(span.Find("start_unix_ns")->as_int(), 1'700'000'000'001'000'000);
  EXPECT_EQ(span.Find("duration_ns")->as_int(), 10'000'123);
  EXPECT_EQ(span.Find("status")->as_string(), "UNSET");
  EXPECT_FALSE(span.Find("verified")->as_bool());
}

TEST_F(QueryApiTest, SpansOfARequestThatJustEndedAreThere) {
  const uint64_t index = log_.AddRequest();
  Json answer = GetJson("/api/v1/spans?service=vllm");
  EXPECT_EQ(mirror_->refreshes, 1);
  ASSERT_EQ(answer.Find("spans")->as_array().size(), 4u);
  const Json* server = nullptr;
  for (const Json& span : answer.Find("spans")->as_array()) {
    EXPECT_TRUE(span.Find("verified")->as_bool());
    if (span.Find("kind")->as_string() == "SERVER") server = &span;
  }
  ASSERT_NE(server, nullptr);
  for (const char* name : {"gen_ai.model.id", "gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens",
                           "gen_ai.response.finish_reasons", "deployment.region"}) {
    EXPECT_NE(server->Find("attributes")->Find(name), nullptr) << name;
  }
  EXPECT_EQ(server->Find("attributes")->Find("gen_ai.response.id")->as_string(), ResponseId(index));
}

TEST_F(QueryApiTest, LedgerThatIsDownDoesNotStopQueries) {
  mirror_->problem = "connection refused";
  ASSERT_TRUE(store_->IngestTraces(Request({SampleSpan(1)})));
  EXPECT_EQ(GetJson("/api/v1/spans").Find("spans")->as_array().size(), 1u);
  EXPECT_EQ(GetJson("/health").Dump(), R"({"status":"degraded"})");
  EXPECT_EQ(GetJson("/api/ledger").Find("mirrors")->as_array()[0].Find("problem")->as_string(),
            "connection refused");
}

TEST_F(QueryApiTest, MirroredLogIsReadWithTheKeyAndCosignedWithoutIt) {
  QueryApiOptions options;
  options.api_key = "key";
  MakeApi(std::move(options));
  log_.AddRequest();
  const std::string checkpoint = fmt::format("/mirror/{}/checkpoint", witness::OriginHash(log_.origin()));
  EXPECT_EQ(Get(checkpoint).status, 401);
  const verify::testing::TestLog tiles(log_.entries(), log_.origin());
  net::HttpRequest submission = {
      "POST", "/mirror/add-checkpoint", {}, "old 0\n\n" + tiles.files.at("checkpoint"), ""};
  EXPECT_EQ(api_->Handle(submission).body, "cosigned");
  submission.method = "GET";
  EXPECT_EQ(api_->Handle(submission).status, 405);
  MakeApi({});
  EXPECT_EQ(Get(checkpoint).status, 200);
}

TEST_F(QueryApiTest, LogThatIsInNoManifestIsAFinding) {
  EXPECT_EQ(GetJson("/api/ledger").Find("findings")->Dump(), "[]");
  io::TempFolder folder;
  std::ofstream(folder / "manifest") << R"({"origins":[]})";
  const auto manifest =
      store::ManifestWatch::Open({.path = folder / "manifest", .recorded_path = folder / "recorded"});
  ASSERT_TRUE(manifest);
  QueryApiOptions options;
  options.manifest = manifest->get();
  MakeApi(std::move(options));
  const Json answer = GetJson("/api/ledger");
  ASSERT_EQ(answer.Find("findings")->as_array().size(), 1u);
  EXPECT_EQ(answer.Find("findings")->as_array()[0].Find("kind")->as_string(), "unknown");
  MakeApi({});  // before the manifest goes
}

TEST_F(QueryApiTest, BadParametersAreNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"/api/v1/spans?start=soon", "start"},    {"/api/v1/spans?end=1e3x", "end"},
      {"/api/v1/spans?start=-1", "start"},      {"/api/v1/spans?end=99999999999999999", "end"},
      {"/api/v1/spans?limit=0", "limit"},       {"/api/v1/spans?limit=10001", "limit"},
      {"/api/v1/spans?start=2&end=1", "end"},   {"/api/v1/traces/zz", "trace_id"},
      {"/api/records?limit=x", "limit"},        {"/api/records/what", "request_id"},
      {"/api/records?outcome=good", "outcome"}, {"/api/records?before=yesterday", "before"},
      {"/api/metrics?name=x&start=y", "start"}, {"/api/metrics?name=x&limit=0", "limit"},
      {"/api/metrics?name=x&step=-1", "step"},  {"/api/metrics?name=x&start=2&end=1", "end"},
      {"/api/overview?minutes=0", "minutes"},   {"/api/overview?minutes=10081", "minutes"}};
  for (const auto& [target, parameter] : cases) {
    Json answer = GetJson(target, 400);
    EXPECT_EQ(answer.Find("error")->Find("parameter")->as_string(), parameter) << target;
    EXPECT_FALSE(answer.Find("error")->Find("message")->as_string().empty());
  }
  EXPECT_EQ(Get("/api/v1/spans?service=%zz").status, 400);
}

TEST_F(QueryApiTest, TraceIsFoundById) {
  ASSERT_TRUE(store_->IngestTraces(Request({SampleSpan(1), SampleSpan(2)})));
  Json answer = GetJson("/api/v1/traces/" + SampleSpan(2).trace_id.Hex());
  ASSERT_EQ(answer.Find("spans")->as_array().size(), 1u);
  EXPECT_EQ(answer.Find("spans")->as_array()[0].Find("span_id")->as_string(), SampleSpan(2).span_id.Hex());
}

TEST_F(QueryApiTest, RecordComesWithAProofThatVerifies) {
  const uint64_t index = log_.AddRequest();
  const std::string id = ResponseId(index);
  for (const std::string& form : {id, id.substr(id.find('-') + 1)}) {
    Json answer = GetJson("/api/records/" + form);
    const std::string entry = *Base64Decode(answer.Find("entry_base64")->as_string());
    EXPECT_EQ(entry, log_.leaves()[index].bytes);
    EXPECT_EQ(answer.Find("record")->Dump(), entry);
    EXPECT_EQ(answer.Find("index")->as_int(), static_cast<int64_t>(index));
    EXPECT_EQ(answer.Find("origin")->as_string(), log_.origin());
    EXPECT_EQ(answer.Find("leaf_hash")->as_string(), HexEncode(AsView(wire::MerkleLeafHash(entry))));
    auto key = *verify::ParseVerifierKey(answer.Find("vkey")->as_string());
    EXPECT_TRUE(verify::CheckTlogProof(answer.Find("proof")->as_string(), entry, key));
  }
}

TEST_F(QueryApiTest, UnknownRequestIsNotFoundAfterAsking) {
  EXPECT_EQ(Get("/api/records/chatcmpl-00000000000000000000000000000000").status, 404);
  EXPECT_EQ(mirror_->refreshes, 1);
}

TEST_F(QueryApiTest, RecordsAreListedNewestFirst) {
  log_.AddRequest();
  const uint64_t last = log_.AddRequest();
  Json answer = GetJson("/api/records?limit=1");
  ASSERT_EQ(answer.Find("records")->as_array().size(), 1u);
  const Json& record = answer.Find("records")->as_array()[0];
  EXPECT_EQ(record.Find("request_id")->as_string(), ResponseId(last));
  EXPECT_EQ(record.Find("record")->Find("type")->as_string(), "request");
}

TEST_F(QueryApiTest, PagesOfRecordsMeetWithoutGapOrOverlap) {
  std::vector<std::string> wanted;
  for (int i = 0; i < 5; ++i) wanted.insert(wanted.begin(), ResponseId(log_.AddRequest()));
  std::vector<std::string> found;
  std::string before;
  for (size_t page : {2u, 2u, 1u}) {
    Json answer = GetJson("/api/records?limit=2" + before);
    ASSERT_EQ(answer.Find("records")->as_array().size(), page);
    for (const Json& record : answer.Find("records")->as_array()) {
      found.push_back(record.Find("request_id")->as_string());
    }
    const Json* next = answer.Find("next");
    ASSERT_EQ(next != nullptr, page == 2);
    if (next != nullptr) before = "&before=" + next->as_string();
  }
  EXPECT_EQ(found, wanted);
}

TEST_F(QueryApiTest, RecordsAreChosenByOutcome) {
  record::Refused refused;
  refused.id = record::IdentityOf(log_.record(log_.AddRequest()))[0];
  refused.status = 429, refused.error = record::ErrorType::kRateLimited, refused.start_us = 5;
  log_.Add(refused);
  for (const auto& [outcome, type] : {std::pair{"ok", "request"}, {"refused", "refused"}}) {
    Json answer = GetJson(std::string("/api/records?outcome=") + outcome);
    ASSERT_EQ(answer.Find("records")->as_array().size(), 1u);
    EXPECT_EQ(answer.Find("records")->as_array()[0].Find("record")->Find("type")->as_string(), type);
  }
  EXPECT_TRUE(GetJson("/api/records?outcome=lost").Find("records")->as_array().empty());
}

TEST_F(QueryApiTest, UnreadableRecordDoesNotHideTheOthers) {
  const uint64_t damaged = log_.AddRequest(), good = log_.AddRequest();
  mirror_->damaged = damaged;
  Json answer = GetJson("/api/records");
  ASSERT_EQ(answer.Find("records")->as_array().size(), 2u);
  const Json &first = answer.Find("records")->as_array()[0], &second = answer.Find("records")->as_array()[1];
  EXPECT_EQ(first.Find("index")->as_int(), static_cast<int64_t>(good));
  EXPECT_NE(first.Find("record"), nullptr);
  EXPECT_EQ(second.Find("request_id")->as_string(), ResponseId(damaged));
  EXPECT_EQ(second.Find("record"), nullptr);
  EXPECT_FALSE(second.Find("problem")->as_string().empty());
}

TEST_F(QueryApiTest, OverviewCountsEachBucketAndSaysWhatIsServed) {
  log_.AddRequest();
  log_.AddRequest();
  ASSERT_TRUE(store_->AddRecords(log_.origin(), log_.leaves()));
  clock_.AdvanceMicros(60'000'000);  // the sample's records are of the minute before
  Json answer = GetJson("/api/overview?minutes=5");
  EXPECT_EQ(answer.Find("bucket_us")->as_int(), 5'000'000);
  EXPECT_EQ(answer.Find("end_unix_us")->as_int(), clock_.UnixMicros());
  EXPECT_EQ(answer.Find("start_unix_us")->as_int() % 5'000'000, 0);
  EXPECT_EQ(answer.Find("buckets")->Dump(),
            R"([{"start_unix_us":1700000000000000,"ok":2,"failed":0,"cancelled":0,"refused":0,"lost":0,)"
            R"("input_tokens":24,"output_tokens":68,"ttft_p50_us":1000,"ttft_p95_us":1000}])");
  const Json& served = answer.Find("served")->as_array().at(0);
  EXPECT_EQ(served.Find("origin")->as_string(), log_.origin());
  EXPECT_EQ(served.Find("boot")->Find("region")->as_string(), "hetzner-nbg1-eu");
  EXPECT_EQ(served.Find("model")->Find("name")->as_string(), "smollm2");
  clock_.AdvanceMicros(600'000'000);
  EXPECT_TRUE(GetJson("/api/overview?minutes=5").Find("buckets")->as_array().empty());
}

TEST_F(QueryApiTest, OverviewHasAtMostAsManyBucketsAsAChartCanShow) {
  for (const int64_t minutes : {1, 2, 15, 60, 61, 1440, 10'080}) {
    Json answer = GetJson(fmt::format("/api/overview?minutes={}", minutes));
    const int64_t width_us = answer.Find("bucket_us")->as_int();
    EXPECT_LE(minutes * 60'000'000 / width_us, 120) << minutes;
    EXPECT_GE(minutes * 60'000'000 / width_us, 24) << minutes;
  }
}

TEST_F(QueryApiTest, MetricsComeSeriesBySeries) {
  constexpr std::string_view kScrape =
      "# TYPE running gauge\nrunning{model=\"a\"} 2\n"
      "# TYPE ttft histogram\nttft_bucket{le=\"0.5\"} 1\nttft_bucket{le=\"+Inf\"} 3\nttft_sum "
      "1.5\nttft_count 3\n";
  ASSERT_TRUE(store_->IngestMetrics(store::testing::ScrapeRequest(kScrape, 1'700'000'001'000'000'000)));
  EXPECT_EQ(
      GetJson(
          "/api/metrics?name=running&service=vllm&start=1700000001000&end=1700000001000&step=1000&limit=1")
          .Dump(),
      R"({"name":"running","series":[{"type":"gauge","unit":"","description":"","temporality":"",)"
      R"("monotonic":false,"service":"vllm","scope":"","attributes":{"model":"a"},)"
      R"("resource":{"service.name":"vllm"},"points":[{"time_unix_us":1700000001000000,)"
      R"("value":2.0}]}]})");
  EXPECT_EQ(GetJson("/api/metrics?name=ttft").Find("series")->as_array().at(0).Find("points")->Dump(),
            R"([{"time_unix_us":1700000001000000,"start_unix_us":1700000000000000,"count":3,"sum":1.5,)"
            R"("bounds":[0.5],"counts":[1,2]}])");
  EXPECT_EQ(GetJson("/api/metrics?name=ttft&end=1").Find("series")->Dump(), "[]");
  EXPECT_EQ(
      GetJson("/api/metrics").Dump(),
      R"({"metrics":[{"name":"running","type":"gauge","unit":"","description":"","series":1,)"
      R"("last_unix_us":1700000001000000},{"name":"ttft","type":"histogram","unit":"","description":"",)"
      R"("series":1,"last_unix_us":1700000001000000}]})");
}

TEST_F(QueryApiTest, SqlAnswersAndNamesErrors) {
  ASSERT_TRUE(store_->IngestTraces(Request({SampleSpan(1)})));
  EXPECT_EQ(Post("SELECT count(*) AS n FROM spans", {}, "/api/sql").body,
            R"({"columns":["n"],"rows":[[1]]})");
  net::HttpResponse bad = Post("DROP TABLE spans", {}, "/api/sql");
  EXPECT_EQ(bad.status, 400);
  EXPECT_EQ(Json::Parse(bad.body)->Find("error")->Find("parameter")->as_string(), "sql");
  EXPECT_EQ(Post("SELECT '\xff'", {}, "/api/sql").status, 400);
  EXPECT_EQ(GetJson("/api/v1/spans?service=%ff", 400).Find("error")->Find("message")->as_string(),
            "service: the value is no UTF-8");
  EXPECT_EQ(Get("/api/v1/spans?%ff=%ff").status, 400);
}

TEST_F(QueryApiTest, UnknownPathsAndMethodsAreRefused) {
  EXPECT_EQ(GetJson("/nothing", 404).Find("error")->Find("code")->as_string(), "NOT_FOUND");
  net::HttpResponse wrong = Get("/api/sql");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.headers.Get("allow"), "POST");
  EXPECT_EQ(Get("/health").body, R"({"status":"ok"})");
  EXPECT_NE(Get("/metrics").status, 404);
}

TEST_F(QueryApiTest, KeyIsAskedEverywhereButForHealth) {
  QueryApiOptions options;
  options.api_key = "secret";
  MakeApi(options);
  EXPECT_EQ(Get("/api/v1/spans").status, 401);
  EXPECT_EQ(Get("/health").status, 200);
  EXPECT_EQ(Get("/").status, 200);  // the page asks for the key itself
}

// The forms of requests and answers are net/otlp_receiver_test.cc's.
class Otlp : public QueryApiTest {
 protected:
  net::GrpcReply Call(net::OtlpSignal signal, std::string message, net::HttpHeaders metadata = {}) {
    net::GrpcCall call;
    call.method = net::OtlpExportMethod(signal);
    call.message = std::move(message);
    call.metadata = std::move(metadata);
    return api_->HandleOtlpGrpc(std::move(call));
  }
  size_t Spans() { return store_->FindSpans({})->size(); }
};

TEST_F(Otlp, TracesAndMetricsAreKeptThroughBothDoors) {
  EXPECT_EQ(Post(Request({SampleSpan(1)}), kProtobuf).status, 200);
  EXPECT_TRUE(Call(net::OtlpSignal::kTraces, Request({SampleSpan(2)})).status.ok());
  EXPECT_EQ(Spans(), 2u);
  const auto scrape = [](int64_t value) {
    return store::testing::ScrapeRequest(fmt::format("# TYPE g gauge\ng {}\n", value),
                                         1'700'000'001'000'000'000);
  };
  EXPECT_EQ(Post(scrape(1), kProtobuf, "/v1/metrics").status, 200);
  EXPECT_TRUE(Call(net::OtlpSignal::kMetrics, scrape(2)).status.ok());
  EXPECT_EQ(store_->FindMetrics({.name = "g"})->series.at(0).points.size(), 2u);
}

TEST_F(Otlp, JsonSpansArriveWhole) {
  const std::string body =
      wire::otlp::TracesToJson(*wire::otlp::DecodeTraces(Request({SampleSpan(1)}))).Dump();
  EXPECT_EQ(Post(body, kJson).status, 200);
  ASSERT_EQ(Spans(), 1u);
  EXPECT_EQ((*store_->FindSpans({}))[0].span, SampleSpan(1));
}

TEST_F(Otlp, WrongSpansAreSaid) {
  wire::otlp::Span wrong = SampleSpan(2);
  wrong.span_id = {};
  const std::string request = Request({SampleSpan(1), wrong});
  EXPECT_EQ(wire::otlp::DecodeExportResponse(Post(request, kProtobuf).body)->rejected, 1);
  EXPECT_EQ(wire::otlp::DecodeExportResponse(Call(net::OtlpSignal::kTraces, request).message)->rejected, 1);
  EXPECT_EQ(Spans(), 1u);
}

TEST_F(Otlp, LogsAreNotTaken) {
  EXPECT_EQ(Post("", kProtobuf, "/v1/logs").status, 404);
  EXPECT_EQ(Call(net::OtlpSignal::kLogs, "").status.code, net::GrpcCode::kUnimplemented);
}

TEST_F(Otlp, KeyIsAskedAtBothDoors) {
  QueryApiOptions options;
  options.api_key = "secret";
  MakeApi(options);
  EXPECT_EQ(Post(Request({SampleSpan(1)}), kProtobuf).status, 401);
  EXPECT_EQ(Call(net::OtlpSignal::kTraces, "").status.code, net::GrpcCode::kUnauthenticated);
  EXPECT_TRUE(Call(net::OtlpSignal::kTraces, "", {{"authorization", "Bearer secret"}}).status.ok());
  net::HttpHeaders headers = kProtobuf;
  headers.Add("authorization", "Bearer secret");
  EXPECT_EQ(Post(Request({SampleSpan(1)}), headers).status, 200);
}

TEST_F(Otlp, FullAndClosedStoresSayWhenToComeBack) {
  store_.SetFreeBytes(0);
  store_.Reopen(1);
  MakeApi({});
  EXPECT_EQ(Post(Request({SampleSpan(1)}), kProtobuf).status, 429);
  net::GrpcReply full = Call(net::OtlpSignal::kTraces, Request({SampleSpan(1)}));
  EXPECT_EQ(full.status.code, net::GrpcCode::kResourceExhausted);
  EXPECT_TRUE(net::RetryDelay(full).has_value());
  EXPECT_EQ(Get("/health").status, 503);
  store_->Close();
  EXPECT_EQ(Post(Request({SampleSpan(1)}), kProtobuf).status, 503);
}

}  // namespace
}  // namespace beleg::query
