#include "wire/sse.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace beleg::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Each event as "event|data" or "#comment".
std::vector<std::string> Events(SseParser& parser, std::string_view bytes) {
  std::vector<std::string> out;
  parser.Feed(bytes, [&](SseEvent event) {
    out.push_back(event.is_comment ? "#" + event.comment : event.event + "|" + event.data);
  });
  return out;
}

std::vector<std::string> Events(std::string_view bytes) {
  SseParser parser;
  auto out = Events(parser, bytes);
  EXPECT_FALSE(parser.overflow());
  return out;
}

TEST(Sse, WhatIsWrittenIsReadBack) {
  EXPECT_EQ(SseData("{}"), "data: {}\n\n");
  EXPECT_EQ(SseComment("audit x"), ": audit x\n\n");
  EXPECT_THAT(Events(SseData("{\"a\":1}") + SseComment("note") + SseData("[DONE]")),
              ElementsAre("message|{\"a\":1}", "#note", "message|[DONE]"));
  EXPECT_DEATH(SseData("a\nb"), "line end");
  EXPECT_DEATH(SseComment("a\rb"), "line end");
}

TEST(Sse, ExamplesOfTheStandard) {  // WHATWG HTML §9.2.6
  EXPECT_THAT(Events("data: YHOO\ndata: +2\ndata: 10\n\n"), ElementsAre("message|YHOO\n+2\n10"));
  EXPECT_THAT(
      Events(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"),
      ElementsAre("#test stream", "message|first event", "message|second event", "message| third event"));
  EXPECT_THAT(Events("data\n\ndata\ndata\n\ndata:"), ElementsAre("message|", "message|\n"));
  EXPECT_THAT(Events("data:test\n\ndata: test\n\n"), ElementsAre("message|test", "message|test"));
}

TEST(Sse, FieldsAreReadAsTheStandardSays) {
  EXPECT_THAT(Events("event: add\ndata: 1\n\ndata: 2\n\n"), ElementsAre("add|1", "message|2"));
  EXPECT_THAT(Events("event: add\n\ndata: 1\n\n"), ElementsAre("message|1"));  // without data no event
  EXPECT_THAT(Events("event: a\nevent: b\ndata: a:b: c\n\n"), ElementsAre("b|a:b: c"));
  EXPECT_THAT(Events("Data: x\n data: x\nretry: 10\nunknown\n\n"), IsEmpty());
  EXPECT_THAT(Events("data: 1\n: in the middle\ndata: 2\n:\n\n"),
              ElementsAre("#in the middle", "#", "message|1\n2"));
  EXPECT_THAT(Events("data: unfinished\n"), IsEmpty());
}

TEST(Sse, LineEndsAndByteOrderMarkInAnyPieces) {
  const std::string text =
      "\xef\xbb\xbf"
      "data: one\r\n\r\ndata: two\r\rdata: three\n\n: c\r\n\n"
      "event: e\rdata: four\r\ndata: \xef\xbb\xbf"
      "five\n\r\n";
  auto matches = ElementsAre("message|one", "message|two", "message|three", "#c",
                             "e|four\n\xef\xbb\xbf"
                             "five");
  EXPECT_THAT(Events(text), matches);
  for (size_t first = 0; first <= text.size(); ++first)
    for (size_t second = first; second <= text.size(); ++second) {
      SseParser parser;
      auto events = Events(parser, std::string_view(text).substr(0, first));
      for (auto& event : Events(parser, std::string_view(text).substr(first, second - first)))
        events.push_back(event);
      for (auto& event : Events(parser, std::string_view(text).substr(second))) events.push_back(event);
      ASSERT_THAT(events, matches) << first << " " << second;
    }
}

TEST(Sse, AnEventThatIsTooLongIsSkippedAndSaid) {
  for (size_t piece : {1, 7, 1000}) {
    std::string text = "data: " + std::string(94, 'x') + "\n\n"  // as long as may be
                       + "data: " + std::string(95, 'y') + "\n"  // a line too long …
                       + "data: the same event\n\n"              // … and the rest of its event
                       + "data: good\n\n";
    SseParser parser(100);
    std::vector<std::string> events;
    for (size_t at = 0; at < text.size(); at += piece)
      for (auto& event : Events(parser, std::string_view(text).substr(at, piece))) events.push_back(event);
    EXPECT_THAT(events, ElementsAre("message|" + std::string(94, 'x'), "message|good"));
    EXPECT_TRUE(parser.overflow());
  }
}

TEST(Sse, AnEventOfManyLinesCountsAsOne) {
  SseParser parser(100);
  std::string text;
  for (int i = 0; i < 30; ++i) text += "data: 12345\n";
  EXPECT_THAT(Events(parser, text + "\ndata: good\n\n"), ElementsAre("message|good"));
  EXPECT_TRUE(parser.overflow());
}

}  // namespace
}  // namespace beleg::wire
