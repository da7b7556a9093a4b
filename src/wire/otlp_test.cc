#include "wire/otlp.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <protozero/pbf_writer.hpp>

#include "wire/testing.h"

namespace beleg::wire::otlp {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string MessageOf(const std::string& request) {
  auto scopes = DecodeTraces(request);
  if (scopes) return "no error";
  EXPECT_EQ(scopes.error().code, ErrorCode::kInvalidArgument);
  return scopes.error().message;
}

// The bytes of field `tag` around `content`.
std::string Wrap(uint32_t tag, const std::string& content) {
  std::string out;
  protozero::pbf_writer(out).add_message(tag, content);
  return out;
}

// A request of one span that has valid ids and then these bytes.
std::string RequestOf(const std::string& span_bytes) {
  std::string ids = Wrap(1, std::string(16, '\1')) + Wrap(2, std::string(8, '\2'));
  return Wrap(1, Wrap(2, Wrap(2, ids + span_bytes)));
}

// An attribute whose value is an int in this many arrays.
KeyValue NestedArrays(int depth) {
  Value value(1);
  for (int i = 0; i < depth; ++i) value = Value(std::vector<Value>{value});
  return {"nested", value};
}

TEST(Otlp, WhatIsWrittenIsReadBack) {
  auto scopes = SampleTraces();
  std::string request = EncodeTraces(scopes);
  auto back = DecodeTraces(request);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, scopes);
  EXPECT_EQ(*CountSpans(request), 3u);
  EXPECT_EQ(EncodeTraces(*back), request);
}

TEST(Otlp, EmptyThingsAreKept) {
  std::vector<ScopeSpans> scopes(2);
  scopes[1].spans.push_back(MinimalSpan());
  scopes[1].spans[0].events.resize(2);
  scopes[1].spans[0].links.resize(2);
  scopes[1].spans[0].attributes = {{"", {}},
                                   {"", ""},
                                   {"", Bytes{}},
                                   {"", 0},
                                   {"", 0.0},
                                   {"", false},
                                   {"", std::vector<Value>{}},
                                   {"", std::vector<KeyValue>{}},
                                   {"", std::vector<Value>{Value(), Value(std::vector<Value>{})}},
                                   {"", std::vector<KeyValue>{{"", {}}}}};
  EXPECT_EQ(*DecodeTraces(EncodeTraces(scopes)), scopes);
  EXPECT_TRUE(DecodeTraces("")->empty());
  EXPECT_EQ(EncodeTraces({}), "");
  EXPECT_EQ(*CountSpans(""), 0u);
}

TEST(Otlp, NeighboursWithEqualResourcesShareOne) {
  std::vector<ScopeSpans> scopes(3);
  scopes[0].resource = scopes[1].resource = {{"service.name", "one"}};
  scopes[2].resource = {{"service.name", "two"}};
  std::string request = EncodeTraces(scopes);
  EXPECT_EQ(request.find("one"), request.rfind("one"));
  EXPECT_EQ(*DecodeTraces(request), scopes);
}

TEST(Otlp, AResourceAfterItsScopesCounts) {
  std::string scope = Wrap(2, Wrap(1, Wrap(1, "scope")));
  std::string resource = Wrap(1, Wrap(1, Wrap(1, "key")));
  auto scopes = DecodeTraces(Wrap(1, scope + scope + resource));
  ASSERT_TRUE(scopes && scopes->size() == 2);
  EXPECT_EQ((*scopes)[1].resource, (Attributes{{"key", {}}}));
  EXPECT_EQ((*scopes)[1].scope_name, "scope");
}

TEST(Otlp, UnknownFieldsAreSkippedAtEachLevel) {
  std::string unknown;
  {
    protozero::pbf_writer writer(unknown);
    writer.add_uint64(900, 1);
    writer.add_fixed32(901, 2);
    writer.add_fixed64(902, 3);
    writer.add_string(903, "four");
  }
  std::string ids = Wrap(1, std::string(16, '\1')) + Wrap(2, std::string(8, '\2'));
  std::string value = Wrap(2, unknown + Wrap(5, unknown + Wrap(1, unknown)));
  std::string span = unknown + ids + Wrap(9, unknown + value);
  for (uint32_t tag : {11u, 13u, 15u}) span += Wrap(tag, unknown);
  auto scopes = DecodeTraces(
      unknown + Wrap(1, unknown + Wrap(1, unknown) + Wrap(2, unknown + Wrap(1, unknown) + Wrap(2, span))));
  ASSERT_TRUE(scopes) << scopes.error().message;
  EXPECT_EQ(scopes->at(0).spans.at(0).attributes, (Attributes{{"", std::vector<Value>{Value()}}}));
  EXPECT_EQ(scopes->at(0).spans.at(0).events.size(), 1u);
}

TEST(Otlp, NumbersThatNoEnumHasAreReadAsUnspecified) {
  std::string fields;
  protozero::pbf_writer(fields).add_int32(6, 77);
  auto scopes = DecodeTraces(RequestOf(fields));
  ASSERT_TRUE(scopes);
  EXPECT_EQ(scopes->at(0).spans.at(0).kind, SpanKind::kUnspecified);
}

TEST(Otlp, IdsAreChecked) {
  auto span = [](const std::string& fields) { return Wrap(1, Wrap(2, Wrap(2, fields))); };
  std::string trace_id = Wrap(1, std::string(16, '\1')), span_id = Wrap(2, std::string(8, '\2'));
  EXPECT_EQ(MessageOf(span(Wrap(1, std::string(15, '\1')) + span_id)),
            "resource_spans[0].scope_spans[0].spans[0].trace_id: 15 bytes, want 16 (at byte 6)");
  EXPECT_THAT(MessageOf(span(Wrap(1, std::string(16, '\0')) + span_id)), HasSubstr("trace_id: all zeros"));
  EXPECT_THAT(MessageOf(span(span_id)), HasSubstr("trace_id: 0 bytes, want 16 (at byte 4)"));
  EXPECT_THAT(MessageOf(span(trace_id)), HasSubstr("span_id: 0 bytes, want 8"));
  EXPECT_THAT(MessageOf(span(trace_id + Wrap(2, std::string(8, '\0')))), HasSubstr("span_id: all zeros"));
  EXPECT_THAT(MessageOf(span(trace_id + Wrap(2, std::string(9, '\1')))),
              HasSubstr("span_id: 9 bytes, want 8"));
  EXPECT_THAT(MessageOf(span(trace_id + span_id + Wrap(4, "1"))),
              HasSubstr("parent_span_id: 1 bytes, want 8"));
  EXPECT_EQ(MessageOf(span(trace_id + span_id + Wrap(4, ""))), "no error");
  EXPECT_EQ(MessageOf(span(trace_id + span_id + Wrap(4, std::string(8, '\0')))), "no error");
  EXPECT_THAT(MessageOf(RequestOf(Wrap(13, "") + Wrap(13, Wrap(1, "1")))),
              HasSubstr("spans[0].links[1].trace_id: 1 bytes, want 16"));
}

TEST(Otlp, TextThatIsNoUtf8IsNamed) {
  EXPECT_EQ(MessageOf(Wrap(1, Wrap(1, Wrap(1, Wrap(1, "a\xff"))))),
            "resource_spans[0].resource.attributes[0].key: no UTF-8 (at byte 6)");
  EXPECT_THAT(
      MessageOf(RequestOf(Wrap(9, Wrap(2, Wrap(6, Wrap(1, Wrap(2, Wrap(1, "long enough text \xc3")))))))),
      HasSubstr("spans[0].attributes[0].value.kvlist_value.values[0].value.string_value: no UTF-8"));
  EXPECT_THAT(MessageOf(RequestOf(Wrap(3, "\xff"))), HasSubstr("trace_state: no UTF-8"));
  EXPECT_EQ(MessageOf(RequestOf(Wrap(9, Wrap(2, Wrap(7, "\xff"))))), "no error");  // bytes_value
  EXPECT_EQ(MessageOf(RequestOf(Wrap(5, "chat größer 😀"))), "no error");
}

TEST(Otlp, AFieldOfAnotherWireTypeIsNamed) {
  std::string name;
  protozero::pbf_writer(name).add_uint64(5, 1);
  EXPECT_THAT(MessageOf(RequestOf(name)),
              HasSubstr("spans[0].name: wire type varint, want length-delimited (at byte "));
  EXPECT_THAT(MessageOf(RequestOf(Wrap(7, "now"))),
              HasSubstr("start_time_unix_nano: wire type length-delimited, want fixed64"));
  EXPECT_THAT(MessageOf(RequestOf(Wrap(6, "x"))), HasSubstr("kind: wire type length-delimited, want varint"));
  EXPECT_THAT(MessageOf(RequestOf(Wrap(16, "x"))),
              HasSubstr("flags: wire type length-delimited, want fixed32"));
  EXPECT_THAT(MessageOf(std::string("\x08\x01")), StartsWith("resource_spans: wire type varint"));
  for (uint32_t tag : {2u, 3u, 4u})
    EXPECT_THAT(MessageOf(RequestOf(Wrap(9, Wrap(2, Wrap(tag, ""))))), HasSubstr("_value: wire"));
}

TEST(Otlp, TimesBeyondInt64AreRefused) {
  std::string fields;
  protozero::pbf_writer(fields).add_fixed64(8, uint64_t{1} << 63);
  EXPECT_THAT(MessageOf(RequestOf(fields)),
              HasSubstr("end_time_unix_nano: time 9223372036854775808 is beyond"));
}

TEST(Otlp, NestingHasALimit) {
  std::vector<ScopeSpans> scopes(1);
  scopes[0].resource = {NestedArrays(kValueDepthMax)};
  EXPECT_EQ(*DecodeTraces(EncodeTraces(scopes)), scopes);
  scopes[0].resource = {NestedArrays(kValueDepthMax + 1)};
  EXPECT_THAT(MessageOf(EncodeTraces(scopes)), HasSubstr("nested deeper than 32"));
}

TEST(Otlp, ManyScopesUnderALargeResourceAreRefused) {
  std::string resource = Wrap(1, Wrap(1, Wrap(1, std::string(1 << 20, 'x')))), scopes;
  for (int i = 0; i < 60; ++i) scopes += Wrap(2, "");
  EXPECT_EQ(MessageOf(Wrap(1, resource + scopes)), "no error");
  EXPECT_THAT(MessageOf(Wrap(1, resource + scopes + scopes)),
              HasSubstr("resource_spans[0].resource: 1048584 bytes for 120 scopes"));
}

TEST(Otlp, EveryCutIsReadOrRefused) {
  std::string request = EncodeTraces(SampleTraces());
  size_t read = 0;
  for (size_t size = 0; size < request.size(); ++size)
    read += DecodeTraces(request.substr(0, size)).has_value();
  EXPECT_EQ(read, 2u);  // nothing at all, and between its two ResourceSpans
  EXPECT_THAT(MessageOf(request.substr(0, request.size() - 1)), StartsWith("request: cut short (at byte "));
}

TEST(Otlp, EveryFlippedBitIsReadOrRefused) {
  std::string request = EncodeTraces(SampleTraces());
  for (size_t bit = 0; bit < 8 * request.size(); ++bit) {
    std::string damaged = request;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    if (auto scopes = DecodeTraces(damaged)) {
      std::string again = EncodeTraces(*scopes);
      auto back = DecodeTraces(again);
      ASSERT_TRUE(back) << back.error().message;
      EXPECT_EQ(EncodeTraces(*back), again);
    }
  }
}

TEST(Otlp, BytesThatAreNoProtobufAreRefused) {
  EXPECT_THAT(MessageOf(std::string(11, '\xff')), HasSubstr("request: no protobuf"));
  EXPECT_THAT(MessageOf(RequestOf("\x0b")), HasSubstr("spans[0]: no protobuf: "));  // a group
  EXPECT_EQ(CountSpans("\x0a\x05").error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(CountSpans("\x0a\x02\x12\x05").error().message,
              StartsWith("resource_spans[0]: cut short (at byte 2)"));
}

TEST(Otlp, CountLooksIntoNoSpan) {
  EXPECT_EQ(*CountSpans(Wrap(1, Wrap(2, Wrap(2, "\xff") + Wrap(2, "")) + Wrap(2, Wrap(2, "")))), 3u);
}

TEST(Otlp, AnAnswerSaysWhatWasRejected) {
  EXPECT_EQ(EncodeTraceResponse(0, ""), "");
  EXPECT_EQ(EncodeTraceResponse(3, "bad"), Wrap(1, std::string("\x08\x03") + Wrap(2, "bad")));
  EXPECT_EQ(EncodeTraceResponse(0, "warning"), Wrap(1, Wrap(2, "warning")));
}

}  // namespace
}  // namespace beleg::wire::otlp
