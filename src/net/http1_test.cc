#include "net/http1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace beleg::net {
namespace {

using Kind = BodyFraming::Kind;

TEST(HeadScanner, FindsTheEndHoweverTheHeadIsCut) {
  const std::string head = "GET / HTTP/1.1\r\nhost: x\r\na:\r\n\r\n";
  const std::string bytes = head + "POST";
  for (size_t first = 0; first < head.size(); ++first) {
    for (size_t second = first; second < head.size(); ++second) {
      HeadScanner scanner;
      ASSERT_EQ(scanner.Scan(bytes.substr(0, first)), HeadScanner::State::kMore);
      ASSERT_EQ(scanner.Scan(bytes.substr(0, second)), HeadScanner::State::kMore);
      ASSERT_EQ(scanner.Scan(bytes), HeadScanner::State::kDone);
      ASSERT_EQ(scanner.size(), head.size());
    }
  }
}

TEST(HeadScanner, RefusesWhatIsNoLineOfText) {
  for (std::string_view bytes : {"GET\n", "\n", "a\rb", "\x16\x03\x01", "a\x7f", "a: b\r\n\n"}) {
    EXPECT_EQ(HeadScanner().Scan(bytes), HeadScanner::State::kBad) << bytes;
  }
  EXPECT_EQ(HeadScanner().Scan(std::string_view("a\0", 2)), HeadScanner::State::kBad);
  EXPECT_EQ(HeadScanner().Scan("a: \t\xc3\xa9\r"), HeadScanner::State::kMore);
}

TEST(ParseRequestHead, ReadsLineFieldsAndFraming) {
  auto head = ParseRequestHead(
      "POST /a?b=c HTTP/1.1\r\nHost: h:1\r\nX-Empty:\r\nx-padded: \t a b \t\r\ncontent-length: "
      "007\r\nexpect: 100-Continue\r\n"
      "connection: te, Close\r\n\r\n");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->request.method, "POST");
  EXPECT_EQ(head->request.target, "/a?b=c");
  EXPECT_EQ(head->request.headers.Get("x-empty"), "");
  EXPECT_EQ(head->request.headers.Get("x-padded"), "a b");
  EXPECT_EQ(head->body.kind, Kind::kLength);
  EXPECT_EQ(head->body.length, 7u);
  EXPECT_TRUE(head->expects_continue);
  EXPECT_FALSE(head->keep_alive);
}

TEST(ParseRequestHead, AbsoluteTargetReplacesTheHost) {
  auto head = ParseRequestHead("GET HTTP://other:1?q HTTP/1.1\r\nhost: x\r\n\r\n");
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->request.target, "/?q");
  EXPECT_EQ(head->request.headers.Get("host"), "other:1");
  EXPECT_EQ(ParseRequestHead("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n")->request.target, "*");
}

TEST(ParseResponseHead, KnowsHowTheBodyEnds) {
  auto framing = [](std::string_view head, std::string_view method = "GET") {
    return ParseResponseHead(head, method)->body.kind;
  };
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\n\r\n"), Kind::kUntilClose);
  EXPECT_EQ(framing("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n"), Kind::kLength);
  EXPECT_EQ(framing("HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n"), Kind::kChunked);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "HEAD"), Kind::kNone);
  EXPECT_EQ(framing("HTTP/1.1 204 OK\r\n\r\n"), Kind::kNone);
  EXPECT_EQ(framing("HTTP/1.1 304 OK\r\ncontent-length: 5\r\n\r\n"), Kind::kNone);
  EXPECT_FALSE(ParseResponseHead("HTTP/1.1 200 OK\r\n\r\n", "GET")->keep_alive);
}

TEST(ChunkedDecoder, DecodesAlikeHoweverTheBodyIsCut) {
  const std::string bytes = "4;x=\"y\"\r\nabcd\r\n00b\r\n\r\n hello \r\n\r\n0\r\na: b\r\n\r\n";
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    ChunkedDecoder decoder;
    std::string body;
    auto used = decoder.Decode(std::string_view(bytes).substr(0, cut), body);
    ASSERT_TRUE(used);
    ASSERT_LE(*used, cut);
    ASSERT_EQ(decoder.done(), cut == bytes.size());
    auto rest = decoder.Decode(std::string_view(bytes + "GET").substr(*used), body);
    ASSERT_TRUE(rest);
    ASSERT_TRUE(decoder.done());
    ASSERT_EQ(*used + *rest, bytes.size()) << "bytes of the next message were eaten, cut at " << cut;
    ASSERT_EQ(body, "abcd\r\n hello \r\n");
  }
}

TEST(ChunkedDecoder, TellsAChunkBeforeItHasCome) {
  ChunkedDecoder decoder;
  std::string body;
  ASSERT_TRUE(decoder.Decode("fffffffffffffff\r\nab", body));
  EXPECT_EQ(body, "ab");
  EXPECT_EQ(decoder.announced(), 0xfffffffffffffffu - 2);
}

TEST(AppendFields, LeavesOutWhatFramesAMessage) {
  std::string out;
  AppendFields(out, {{"a", "1"},
                     {"Content-Length", "5"},
                     {"TRANSFER-ENCODING", "x"},
                     {"connection", "close"},
                     {"b c", "2"},
                     {"d", "1\r\ne: 2"}});
  EXPECT_EQ(out, "a: 1\r\nd: 1  e: 2\r\n");
}

}  // namespace
}  // namespace beleg::net
