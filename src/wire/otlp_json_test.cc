#include "wire/otlp_json.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/testing.h"

namespace beleg::wire::otlp {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kIds =
    R"("traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"0102030405060708")";

// A request of one span that has ids and then these members.
std::string RequestWith(std::string_view members) {
  return fmt::format(R"({{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{}{}{}}}]}}]}}]}})", kIds,
                     members.empty() ? "" : ",", members);
}

Result<Span> SpanWith(std::string_view members) {
  TRY_ASSIGN(std::string bytes, TracesFromJson(RequestWith(members)));
  TRY_ASSIGN(auto scopes, DecodeTraces(bytes));
  return scopes.at(0).spans.at(0);
}

Result<Value> ValueOf(std::string_view value) {
  TRY_ASSIGN(Span span, SpanWith(fmt::format(R"("attributes":[{{"key":"k","value":{}}}])", value)));
  return span.attributes.at(0).value;
}

std::string MessageOf(std::string_view json) {
  auto bytes = TracesFromJson(json);
  if (bytes) return "no error";
  EXPECT_EQ(bytes.error().code, ErrorCode::kInvalidArgument);
  return bytes.error().message;
}
std::string SpanMessage(std::string_view members) { return MessageOf(RequestWith(members)); }

TEST(OtlpJson, WhatIsWrittenIsReadBack) {
  auto scopes = SampleTraces();
  auto bytes = TracesFromJson(TracesToJson(scopes).Dump());
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*DecodeTraces(*bytes), scopes);
  EXPECT_EQ(*bytes, EncodeTraces(scopes));
}

TEST(OtlpJson, IsWrittenAsTheSpecificationSays) {
  Span span = MinimalSpan();
  span.name = "chat";
  span.kind = SpanKind::kServer;
  span.start_unix_ns = 1764000000000000001;
  span.attributes = {
      {"n", int64_t{5}}, {"d", 1.0}, {"nan", std::nan("")}, {"none", {}}, {"list", std::vector<Value>{}}};
  span.status = StatusCode::kError;
  EXPECT_EQ(
      TracesToJson({{{{"service.name", "vllm"}}, "beleg", "", {}, {span}}}).Dump(),
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"vllm"}}]},)"
      R"("scopeSpans":[{"scope":{"name":"beleg"},"spans":[{"traceId":"01010101010101010101010101010101",)"
      R"("spanId":"0202020202020202","name":"chat","kind":2,"startTimeUnixNano":"1764000000000000001",)"
      R"("attributes":[{"key":"n","value":{"intValue":"5"}},{"key":"d","value":{"doubleValue":1.0}},)"
      R"({"key":"nan","value":{"doubleValue":"NaN"}},{"key":"none","value":{}},)"
      R"({"key":"list","value":{"arrayValue":{}}}],"status":{"code":2}}]}]}]})");
  EXPECT_EQ(TracesToJson({}).Dump(), "{}");
}

TEST(OtlpJson, SpellingsOfSendersAreTaken) {
  auto span =
      SpanWith(R"("start_time_unix_nano":1764000000000000001,"endTimeUnixNano":"2","kind":"SPAN_KIND_CLIENT",
      "status":{"code":"STATUS_CODE_OK"},"parentSpanId":"","flags":"257","links":[{"trace_id":"","flags":1}],
      "traceState":null,"attributes":null,"unknown":[{"a":1}],"events":[{}],"droppedAttributesCount":3)");
  ASSERT_TRUE(span) << span.error().message;
  EXPECT_EQ(span->start_unix_ns, 1764000000000000001);
  EXPECT_EQ(span->end_unix_ns, 2);
  EXPECT_EQ(span->kind, SpanKind::kClient);
  EXPECT_EQ(span->status, StatusCode::kOk);
  EXPECT_EQ(span->flags, 257u);
  EXPECT_EQ(span->links.at(0).flags, 1u);
  EXPECT_EQ(span->events.size(), 1u);
  auto snake = TracesFromJson(R"({"resource_spans":[{"scope_spans":[{"spans":[{
      "trace_id":"0102030405060708090A0B0C0D0E0F10","span_id":"0102030405060708","name":"x"}]}]}]})");
  ASSERT_TRUE(snake) << snake.error().message;
  EXPECT_EQ(DecodeTraces(*snake)->at(0).spans.at(0).trace_id, span->trace_id);
  EXPECT_EQ(SpanWith(R"("kind":99)")->kind, SpanKind::kUnspecified);
  EXPECT_EQ(*TracesFromJson("{}"), "");
}

TEST(OtlpJson, ValuesOfEachType) {
  EXPECT_EQ(*ValueOf(R"({"stringValue":""})"), Value(""));
  EXPECT_EQ(*ValueOf(R"({"string_value":"é"})"), Value("é"));
  EXPECT_EQ(*ValueOf(R"({"boolValue":false})"), Value(false));
  EXPECT_EQ(*ValueOf(R"({"intValue":"-9223372036854775808"})"), Value(INT64_MIN));
  EXPECT_EQ(*ValueOf(R"({"intValue":7})"), Value(7));
  EXPECT_EQ(*ValueOf(R"({"intValue":7.0})"), Value(7));
  EXPECT_EQ(*ValueOf(R"({"doubleValue":7})"), Value(7.0));
  EXPECT_EQ(*ValueOf(R"({"doubleValue":"1e3"})"), Value(1000.0));
  EXPECT_EQ(*ValueOf(R"({"doubleValue":"-Infinity"})"), Value(-std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isnan(std::get<double>(ValueOf(R"({"doubleValue":"NaN"})")->value)));
  for (const char* base64 : {"+/8=", "-_8=", "-_8", "+/8"})
    EXPECT_EQ(*ValueOf(fmt::format(R"({{"bytesValue":"{}"}})", base64)), Value(Bytes{"\xfb\xff"}));
  EXPECT_EQ(*ValueOf(R"({"arrayValue":{"values":[{"intValue":1},{}]}})"), Value(std::vector<Value>{1, {}}));
  EXPECT_EQ(*ValueOf(R"({"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}},{"key":"b"}]}})"),
            Value(std::vector<KeyValue>{{"a", true}, {"b", {}}}));
  EXPECT_EQ(*ValueOf("{}"), Value());
  EXPECT_EQ(*ValueOf("null"), Value());
  EXPECT_EQ(*ValueOf(R"({"stringValue":null})"), Value());
}

TEST(OtlpJson, ErrorsNameThePath) {
  const std::string span = "resourceSpans[0].scopeSpans[0].spans[0].";
  EXPECT_EQ(SpanMessage(R"("name":5)"), span + "name: number, want string");
  EXPECT_EQ(SpanMessage(R"("attributes":{})"), span + "attributes: object, want array");
  EXPECT_EQ(SpanMessage(R"("attributes":[{},7])"), span + "attributes[1]: number, want object");
  EXPECT_EQ(SpanMessage(R"("status":[])"), span + "status: array, want object");
  EXPECT_THAT(SpanMessage(R"("kind":"SERVER")"), StartsWith(span + "kind: no such name"));
  EXPECT_THAT(SpanMessage(R"("kind":2.5)"), StartsWith(span + "kind: number, want number or name"));
  EXPECT_THAT(SpanMessage(R"("parentSpanId":"01")"), StartsWith(span + "parentSpanId: 1 bytes, want 8"));
  EXPECT_THAT(SpanMessage(R"("parentSpanId":"zz")"), StartsWith(span + "parentSpanId: no hex digit"));
  EXPECT_EQ(SpanMessage(R"("startTimeUnixNano":"-1")"), span + "startTimeUnixNano: time before 1970");
  EXPECT_THAT(SpanMessage(R"("endTimeUnixNano":"9223372036854775808")"),
              StartsWith(span + "endTimeUnixNano: "));
  EXPECT_THAT(SpanMessage(R"("endTimeUnixNano":9223372036854775808)"),
              HasSubstr("no whole number within 64 bits"));
  EXPECT_EQ(SpanMessage(R"("flags":4294967296)"), span + "flags: not within 32 bits");
  EXPECT_THAT(SpanMessage(R"("events":[{},{"timeUnixNano":true}])"),
              StartsWith(span + "events[1].timeUnixNano: boolean"));
  EXPECT_EQ(MessageOf("[]"), "request: array, want object");
  EXPECT_THAT(MessageOf("{\n\"a\" 1}"), StartsWith("line 2, column 5"));
  auto value = [](std::string_view text) { return ValueOf(text).error().message; };
  EXPECT_EQ(value(R"({"intValue":1.5})"),
            span + "attributes[0].value.intValue: no whole number within 64 bits");
  EXPECT_THAT(value(R"({"intValue":"1x"})"), HasSubstr("value.intValue: "));
  EXPECT_THAT(value(R"({"doubleValue":"1x"})"), HasSubstr("value.doubleValue: no number"));
  EXPECT_THAT(value(R"({"doubleValue":"inf"})"), HasSubstr("value.doubleValue: no number"));
  EXPECT_THAT(value(R"({"bytesValue":"a"})"), HasSubstr("value.bytesValue: "));
  EXPECT_THAT(value(R"({"boolValue":"true"})"), HasSubstr("value.boolValue: string, want boolean"));
  EXPECT_THAT(value(R"({"stringValue":"a","intValue":1})"), HasSubstr("value: more than one value"));
  EXPECT_THAT(value(R"({"arrayValue":{"values":[{},{"intValue":[]}]}})"),
              HasSubstr("value.arrayValue.values[1].intValue: array"));
}

TEST(OtlpJson, IdsAreChecked) {
  auto message = [](const char* trace_id, const char* span_id) {
    return MessageOf(fmt::format(
        R"({{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"{}","spanId":"{}"}}]}}]}}]}})",
        trace_id, span_id));
  };
  const char* trace_id = "0102030405060708090a0b0c0d0e0f10";
  EXPECT_EQ(message(trace_id, "0102030405060708"), "no error");
  EXPECT_THAT(message("", "0102030405060708"), HasSubstr("spans[0].traceId: 0 bytes, want 16"));
  EXPECT_THAT(message(trace_id, "0102"), HasSubstr("spans[0].spanId: 2 bytes, want 8; want 16 hex digits"));
  EXPECT_THAT(message("00000000000000000000000000000000", "0102030405060708"),
              HasSubstr("traceId: all zeros"));
  EXPECT_THAT(message(trace_id, "0000000000000000"), HasSubstr("spanId: all zeros"));
  EXPECT_THAT(message("AQIDBAUGBwgJCgsMDQ4PEA==", "0102030405060708"),
              HasSubstr("traceId: no hex digit"));  // base64
}

TEST(OtlpJson, NestingHasALimit) {
  auto nested = [](int depth) {
    std::string text = "{}";
    for (int i = 0; i < depth; ++i) text = R"({"arrayValue":{"values":[)" + text + "]}}";
    return ValueOf(text);
  };
  EXPECT_TRUE(nested(kValueDepthMax));
  EXPECT_THAT(nested(kValueDepthMax + 1).error().message, HasSubstr("nested deeper than 32"));
}

// For what has no reader of its own here. Every field of every message is compared with what Python's classes make of it in
// tests/integration/test_collector.py.
std::string HexOf(const Result<std::string>& bytes) {
  return bytes ? HexEncode(*bytes) : bytes.error().message;
}

TEST(OtlpJson, NumbersOfAMetricKeepTheirKind) {
  auto point = [](std::string_view members) {
    return HexOf(MetricsFromJson(fmt::format(
        R"({{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{"gauge":{{"dataPoints":[{{{}}}]}}}}]}}]}}]}})",
        members)));
  };
  // Five messages around the point, each with its length.
  EXPECT_EQ(point(R"("asInt":"-2")"), "0a11120f120d2a0b0a0931feffffffffffffff");
  EXPECT_EQ(point(R"("asDouble":0)"), "0a11120f120d2a0b0a09210000000000000000") << "zero is a value, too";
  EXPECT_EQ(point(""), "0a08120612042a020a00");
  EXPECT_THAT(point(R"("asInt":1,"asDouble":1)"), HasSubstr("dataPoints[0]: more than one value"));
  EXPECT_THAT(point(R"("flags":-1)"), HasSubstr("dataPoints[0].flags: not within 32 bits"));
}

TEST(OtlpJson, ListsOfNumbersArePacked) {
  auto bytes = MetricsFromJson(R"({"resource_metrics":[{"scope_metrics":[{"metrics":[{"histogram":{
      "aggregation_temporality":"AGGREGATION_TEMPORALITY_CUMULATIVE","data_points":[{"bucket_counts":["1",2],
      "explicit_bounds":[0.5]}]}}]}]}]})");
  EXPECT_EQ(HexOf(bytes),
            "0a26122412224a20"                      // down to the histogram
            "0a1c"                                  // a data point:
            "321001000000000000000200000000000000"  // bucket_counts
            "3a08000000000000e03f"                  // explicit_bounds
            "1002");                                // cumulative
  auto wrong = MetricsFromJson(
      R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[-1]}]}}]}]}]})");
  EXPECT_THAT(HexOf(wrong), HasSubstr("dataPoints[0].bucketCounts: negative"));
}

TEST(OtlpJson, ALogRecordKeepsItsBody) {
  auto bytes = LogsFromJson(R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{
      "severityNumber":"SEVERITY_NUMBER_INFO","body":{"stringValue":"hi"},"spanId":"0102030405060708"}]}]}]})");
  EXPECT_EQ(HexOf(bytes),
            "0a1612141212"
            "1009"
            "2a040a026869"
            "52080102030405060708");
  EXPECT_THAT(HexOf(LogsFromJson(R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"traceId":"01"}]}]}]})")),
              HasSubstr("logRecords[0].traceId: 1 bytes, want 16"));
}

TEST(OtlpJson, AnAnswerSaysWhatWasRejected) {
  EXPECT_EQ(TraceResponseToJson(0, "").Dump(), R"({"partialSuccess":{}})");
  EXPECT_EQ(TraceResponseToJson(2, "bad").Dump(),
            R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"bad"}})");
}

TEST(OtlpJson, AttributesAsAPlainObject) {
  EXPECT_EQ(AttributesToPlainJson(FullSpan().attributes).Dump(),
            R"({"text":"a second time","bool":true,"int":-9007199254740993,"double":0.1,"bytes":"AP8=",)"
            R"("array":["a",1,2.5,[false]],"map":{"inner":"x","deep":{"n":1}},"empty":null})");
  EXPECT_EQ(AttributesToPlainJson({}).Dump(), "{}");
}

}  // namespace
}  // namespace beleg::wire::otlp
