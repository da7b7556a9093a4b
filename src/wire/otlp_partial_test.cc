#include "wire/otlp_partial.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <protozero/pbf_writer.hpp>

namespace beleg::wire::otlp {
namespace {

using ::testing::HasSubstr;

Span SpanNamed(const std::string& name) {
  Span span;
  span.trace_id.bytes.fill(1);
  span.span_id.bytes.fill(2);
  span.name = name;
  return span;
}

std::string RequestOfSpans(std::vector<Span> spans) {
  ScopeSpans scope;
  scope.spans = std::move(spans);
  return EncodeTraces({scope});
}

TEST(OtlpPartial, WrongSpansAreLeftOutAndCounted) {
  Span no_trace = SpanNamed("b"), no_text = SpanNamed("\xff");
  no_trace.trace_id = {};
  PartialSuccess rejected;
  auto scopes = DecodeTraces(RequestOfSpans({SpanNamed("a"), no_trace, no_text, SpanNamed("d")}), rejected);
  ASSERT_TRUE(scopes);
  ASSERT_EQ(scopes->at(0).spans.size(), 2u);
  EXPECT_EQ(scopes->at(0).spans[0].name, "a");
  EXPECT_EQ(scopes->at(0).spans[1].name, "d");
  EXPECT_EQ(rejected.rejected, 2);
  EXPECT_THAT(rejected.message, HasSubstr("spans[1].trace_id"));
}

TEST(OtlpPartial, GoodRequestsRejectNothing) {
  PartialSuccess rejected;
  EXPECT_EQ(*DecodeTraces(RequestOfSpans({SpanNamed("a")}), rejected),
            *DecodeTraces(RequestOfSpans({SpanNamed("a")})));
  EXPECT_EQ(rejected.rejected, 0);
  EXPECT_EQ(rejected.message, "");
}

TEST(OtlpPartial, WhatIsWrongOutsideSpansRefusesTheRequest) {
  ScopeSpans scope;
  scope.resource = {{"\xff", "x"}};
  scope.spans = {SpanNamed("a")};
  PartialSuccess rejected;
  EXPECT_EQ(DecodeTraces(EncodeTraces({scope}), rejected).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(DecodeTraces("\x0a\xff\xff", rejected).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(rejected.rejected, 0);
}

}  // namespace
}  // namespace beleg::wire::otlp
