// The gRPC server, frame by frame; what a well-behaved client sees is in grpc_client_test.cc.
#include "net/grpc_server.h"

#include <future>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/grpc_testing.h"
#include "net/http2_testing.h"

namespace beleg::net {
namespace {

using namespace std::chrono_literals;
using ::testing::StartsWith;

std::string CallHead(std::string_view more = {}) {
  return EncodeHead(
      "POST", kEchoMethod,
      EncodeField("te", "trailers") + EncodeField("content-type", "application/grpc") + std::string(more));
}

// What a call with these bytes as body is answered.
RawHttp2::Answer AnswerOf(RawHttp2& client, uint32_t stream, const std::string& body,
                          std::string_view more = {}) {
  client.SendHead(stream, CallHead(more), false);
  client.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, stream, body});
  return client.ReadAnswer(stream);
}

TEST(GrpcServer, AnswerHasPrefixAndTrailers) {
  auto server = ServeCalls(EchoCall);
  RawHttp2 client(server->port());
  auto answer = AnswerOf(client, 1, std::string("\0\0\0\0\2hi", 7));
  EXPECT_EQ(answer.fields[":status"], "200");
  EXPECT_EQ(answer.fields["content-type"], "application/grpc");
  EXPECT_EQ(answer.fields["grpc-status"], "0");
  EXPECT_EQ(answer.fields.count("content-length"), 0);
  EXPECT_EQ(answer.body, std::string("\0\0\0\0\2hi", 7));
}

TEST(GrpcServer, BrokenCallsHaveTheirStatus) {
  auto server = ServeCalls(EchoCall, {.message_bytes_max = 100});
  RawHttp2 client(server->port());
  const std::string good("\0\0\0\0\2hi", 7);
  struct {
    std::string body, fields, status, message;
  } const kCases[] = {
      {"", "", "13", "a message"},
      {std::string("\0\0\0", 3), "", "13", "a message"},
      {std::string("\0\0\0\0\3hi", 7), "", "13", "a message"},
      {std::string("\1\0\0\0\2hi", 7), "", "13", "a compressed"},
      {std::string("\1\0\0\0\2hi", 7), EncodeField("grpc-encoding", "gzip"), "13",
       "grpc: failed to decompress"},
      {std::string("\1\0\0\0\2hi", 7), EncodeField("grpc-encoding", "deflate"), "12",
       "grpc: Decompressor is not installed for grpc-encoding \"deflate\""},
      {good + good, "", "12", "more than one"},
      {std::string("\0\0\0\0\x65", 5) + std::string(101, 'x'), "", "8",
       "grpc: received message larger than max (101 vs. 100)"},
      {std::string("\0\xff\xff\xff\xff", 5), "", "8",
       "grpc: received message larger than max (4294967295 vs. 100)"},
      {good, EncodeField("grpc-timeout", "5x"), "13", "malformed grpc-timeout"},
      {good, "", "0", ""},
  };
  uint32_t stream = 1;
  for (const auto& test : kCases) {
    auto answer = AnswerOf(client, stream, test.body, test.fields);
    EXPECT_EQ(answer.fields["grpc-status"], test.status) << stream;
    EXPECT_THAT(answer.fields["grpc-message"], StartsWith(test.message));
    stream += 2;
  }
}

TEST(GrpcServer, WhatIsNoGrpcGetsAnHttpStatus) {
  auto server = ServeCalls(EchoCall);
  RawHttp2 client(server->port());
  client.SendHead(1, EncodeHead("GET", "/"));
  EXPECT_EQ(client.ReadAnswer(1).fields[":status"], "405");
  client.SendHead(3, EncodeHead("POST", "/", EncodeField("content-type", "application/json")));
  EXPECT_EQ(client.ReadAnswer(3).fields[":status"], "415");
  EXPECT_EQ(AnswerTo(server->port(), "GET / HTTP/1.1\r\nhost: x\r\n\r\n"), "");
}

TEST(GrpcServer, DeadlineIsAnsweredWhileTheHandlerStillRuns) {
  std::promise<void> answered;
  auto pool = WorkerPool::Start(1, 10);
  auto server = ServeCalls(OnPool(*pool, [&](GrpcCall call) {
    answered.get_future().wait();
    EXPECT_TRUE(*call.cancelled);
    return GrpcReply();
  }));
  RawHttp2 client(server->port());
  auto answer = AnswerOf(client, 1, std::string("\0\0\0\0\0", 5), EncodeField("grpc-timeout", "20m"));
  EXPECT_EQ(answer.fields["grpc-status"], "4");
  answered.set_value();
}

TEST(GrpcServer, FullPoolIsUnavailable) {
  std::promise<void> started, release;
  auto pool = WorkerPool::Start(1, 1);
  std::atomic<int> calls = 0;
  auto released = release.get_future().share();
  auto server = ServeCalls(OnPool(*pool, [&](GrpcCall) {
    if (++calls == 1) started.set_value();
    released.wait();
    return GrpcReply();
  }));
  RawHttp2 client(server->port());
  const std::string empty("\0\0\0\0\0", 5);
  client.SendHead(1, CallHead(), false);
  client.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, empty});
  started.get_future().wait();
  client.SendHead(3, CallHead(), false);
  client.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 3, empty});
  EXPECT_EQ(AnswerOf(client, 5, empty).fields["grpc-status"], "14");
  release.set_value();
  auto answers = client.ReadAnswers({1, 3});
  EXPECT_EQ(answers[1].fields["grpc-status"], "0");
  EXPECT_EQ(answers[3].fields["grpc-status"], "0");
}

TEST(GrpcServer, ExceptionOfAHandlerIsInternal) {
  auto pool = WorkerPool::Start(1, 1);
  BlockingGrpcHandler failing = [](GrpcCall call) {
    call.message = std::string().at(1);
    return GrpcReply();
  };
  auto server = ServeCalls(OnPool(*pool, failing));
  auto reply = ConnectTo(server->port())->Call(kEchoMethod, {}, "");
  ASSERT_TRUE(reply.has_value());
  EXPECT_EQ(reply->status.code, GrpcCode::kInternal);
}

TEST(GrpcServer, ClientThatReadsNothingHoldsUpOnlyItself) {
  auto server = ServeCalls(EchoCall);
  RawHttp2 slow(server->port(), EncodeSetting(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0));
  slow.SendHead(1, CallHead(), false);
  slow.Send({NGHTTP2_DATA, NGHTTP2_FLAG_END_STREAM, 1, std::string("\0\0\0\0\2hi", 7)});
  EXPECT_EQ(ConnectTo(server->port())->Call(kEchoMethod, {}, "quick")->message, "quick");
  slow.Send({NGHTTP2_WINDOW_UPDATE, 0, 1, EncodeBig32(100)});
  EXPECT_EQ(slow.ReadAnswer().fields["grpc-status"], "0");
}

TEST(GrpcServer, UnknownMethodsAreNamed) {
  EXPECT_EQ(UnknownMethod("/a.B/C").status.message, "unknown method C for service a.B");
  EXPECT_EQ(UnknownMethod("/a.B/C").status.code, GrpcCode::kUnimplemented);
  EXPECT_EQ(UnknownMethod("/x").status.message, "malformed method name: \"/x\"");
  EXPECT_EQ(UnknownMethod("").status.code, GrpcCode::kUnimplemented);
}

}  // namespace
}  // namespace beleg::net
