#include "net/otlp_receiver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/compress.h"
#include "wire/json.h"
#include "wire/otlp.h"

namespace beleg::net {
namespace {

using wire::otlp::PartialSuccess;

// Takes traces and metrics from who knows the key.
class SinkForTest final : public OtlpSink {
 public:
  bool Has(OtlpSignal signal) const override { return signal != OtlpSignal::kLogs; }
  bool Allows(const HttpHeaders& headers) const override {
    return headers.Get("authorization") != "Bearer wrong";
  }
  Result<PartialSuccess> Take(OtlpSignal signal, std::string request) override {
    taken.emplace_back(signal, std::move(request));
    return answer;
  }
  void Unreadable(OtlpSignal) override { ++unreadable; }

  std::vector<std::pair<OtlpSignal, std::string>> taken;
  Result<PartialSuccess> answer = PartialSuccess{};
  int unreadable = 0;
};

const HttpHeaders kProtobufHead = {{"content-type", "application/x-protobuf"}};
const HttpHeaders kJsonHead = {{"content-type", "application/json; charset=utf-8"}};

HttpHeaders HeadWith(HttpHeaders headers, const std::string& name, const std::string& value) {
  headers.Add(name, value);
  return headers;
}

class OtlpReceiver : public ::testing::Test {
 protected:
  HttpResponse Post(std::string body, HttpHeaders headers = kProtobufHead, std::string path = "/v1/traces",
                    std::string method = "POST") {
    HttpRequest request{std::move(method), std::move(path), std::move(headers), std::move(body), ""};
    return AnswerOtlpHttp(sink_, request, 1'000);
  }
  GrpcReply Call(OtlpSignal signal, std::string message, HttpHeaders metadata = {}) {
    GrpcCall call;
    call.method = OtlpExportMethod(signal);
    call.message = std::move(message);
    call.metadata = std::move(metadata);
    return AnswerOtlpGrpc(sink_, call);
  }
  SinkForTest sink_;
};

TEST_F(OtlpReceiver, EachSignalHasItsPathAndItsMethod) {
  EXPECT_EQ(Post("a").status, 200);
  EXPECT_EQ(Post("b", kProtobufHead, "/v1/metrics").status, 200);
  EXPECT_TRUE(Call(OtlpSignal::kTraces, "c").status.ok());
  EXPECT_TRUE(Call(OtlpSignal::kMetrics, "d").status.ok());
  EXPECT_THAT(sink_.taken, ::testing::ElementsAre(
                               std::pair(OtlpSignal::kTraces, "a"), std::pair(OtlpSignal::kMetrics, "b"),
                               std::pair(OtlpSignal::kTraces, "c"), std::pair(OtlpSignal::kMetrics, "d")));
}

TEST_F(OtlpReceiver, WhatTheSinkHasNotIsUnknown) {
  EXPECT_EQ(Post("", kProtobufHead, "/v1/logs").status, 404);
  EXPECT_EQ(Post("", kProtobufHead, "/v1/nothing").status, 404);
  EXPECT_EQ(Call(OtlpSignal::kLogs, "").status.code, GrpcCode::kUnimplemented);
  GrpcCall call;
  call.method = "/nobody/Export";
  EXPECT_EQ(AnswerOtlpGrpc(sink_, call).status.code, GrpcCode::kUnimplemented);
}

TEST_F(OtlpReceiver, PackedBodiesArriveUnpacked) {
  EXPECT_EQ(Post(wire::GzipCompress("one"), HeadWith(kProtobufHead, "content-encoding", "gzip")).status, 200);
  EXPECT_EQ(Post(wire::ZstdCompress("two"), HeadWith(kProtobufHead, "content-encoding", "zstd")).status, 200);
  EXPECT_EQ(Post("three", HeadWith(kProtobufHead, "content-encoding", "identity")).status, 200);
  ASSERT_EQ(sink_.taken.size(), 3u);
  EXPECT_EQ(sink_.taken[0].second, "one");
  EXPECT_EQ(sink_.taken[1].second, "two");
  EXPECT_EQ(sink_.taken[2].second, "three");
}

TEST_F(OtlpReceiver, TracesInJsonBecomeProtobufAndAreAnsweredInJson) {
  sink_.answer = PartialSuccess{2, "why"};
  HttpResponse answer = Post(
      R"({"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"01010101010101010101010101010101","spanId":"0202020202020202"}]}]}]})",
      kJsonHead);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"partialSuccess":{"rejectedSpans":"2","errorMessage":"why"}})");
  EXPECT_EQ(*wire::otlp::CountSpans(sink_.taken.at(0).second), 1u);
  sink_.answer = PartialSuccess{};
  EXPECT_EQ(Post("{}", kJsonHead).body, R"({"partialSuccess":{}})");
}

TEST_F(OtlpReceiver, WhatWasRejectedIsSaid) {
  sink_.answer = PartialSuccess{3, "three were wrong"};
  auto http = wire::otlp::DecodeExportResponse(Post("x").body);
  EXPECT_EQ(http->rejected, 3);
  EXPECT_EQ(http->message, "three were wrong");
  EXPECT_EQ(wire::otlp::DecodeExportResponse(Call(OtlpSignal::kTraces, "x").message)->rejected, 3);
}

TEST_F(OtlpReceiver, FullAndAwaySayWhenToComeBack) {
  sink_.answer = Fail(ErrorCode::kResourceExhausted, "no room");
  HttpResponse full = Post("x");
  EXPECT_EQ(full.status, 429);
  EXPECT_EQ(full.headers.Get("retry-after"), "1");
  EXPECT_EQ(wire::otlp::StatusMessage(full.body), "no room");
  GrpcReply exhausted = Call(OtlpSignal::kMetrics, "x");
  EXPECT_EQ(exhausted.status.code, GrpcCode::kResourceExhausted);
  EXPECT_EQ(exhausted.status.message, "no room");
  EXPECT_TRUE(RetryDelay(exhausted).has_value());
  sink_.answer = Fail(ErrorCode::kUnavailable, "closed");
  EXPECT_EQ(Post("x").status, 503);
  EXPECT_TRUE(RetryDelay(Call(OtlpSignal::kTraces, "x")).has_value());
  sink_.answer = Fail(ErrorCode::kInvalidArgument, "wrong");
  EXPECT_EQ(Post("x").status, 400);
  EXPECT_FALSE(RetryDelay(Call(OtlpSignal::kTraces, "x")).has_value());
}

TEST_F(OtlpReceiver, UnreadableBodiesNeverReachTheSink) {
  EXPECT_EQ(Post("no gzip", HeadWith(kProtobufHead, "content-encoding", "gzip")).status, 400);
  EXPECT_EQ(Post("x", HeadWith(kProtobufHead, "content-encoding", "snappy")).status, 400);
  EXPECT_EQ(Post(std::string(1'001, 'x')).status, 413);
  const std::string bomb = wire::GzipCompress(std::string(100'000, 'x'));
  EXPECT_EQ(Post(bomb, HeadWith(kProtobufHead, "content-encoding", "gzip")).status, 413);
  HttpResponse json = Post("{", kJsonHead);
  EXPECT_EQ(json.status, 400);
  EXPECT_EQ(wire::Json::Parse(json.body)->Find("code")->as_int(), 3);
  EXPECT_EQ(Post("[]", kJsonHead, "/v1/metrics").status, 400);
  EXPECT_EQ(sink_.unreadable, 6);
  EXPECT_TRUE(sink_.taken.empty());
}

TEST_F(OtlpReceiver, OtherMethodsAndTypesAreRefused) {
  EXPECT_EQ(Post("", kProtobufHead, "/v1/traces", "GET").status, 405);
  EXPECT_EQ(Post("x", {{"content-type", "text/plain"}}).status, 415);
  EXPECT_EQ(Post("x", {}).status, 415);
}

TEST_F(OtlpReceiver, WrongKeysAreRefused) {
  EXPECT_EQ(Post("x", HeadWith(kProtobufHead, "authorization", "Bearer wrong")).status, 401);
  EXPECT_EQ(Call(OtlpSignal::kTraces, "x", {{"authorization", "Bearer wrong"}}).status.code,
            GrpcCode::kUnauthenticated);
  EXPECT_TRUE(sink_.taken.empty());
}

}  // namespace
}  // namespace beleg::net
