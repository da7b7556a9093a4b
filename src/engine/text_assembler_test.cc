#include "engine/text_assembler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/rng.h"

namespace beleg::engine {
namespace {

struct Answer {
  std::string text;
  int64_t tokens = 0;
  bool stopped = false;
  std::vector<std::string> outputs;  // one for each Push, then Flush
};

Answer Assemble(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  TextAssembler assembler(stops);
  Answer answer;
  auto add = [&](TextAssembler::Output out) {
    answer.text += out.text;
    answer.tokens += out.tokens;
    answer.stopped = out.stopped;
    answer.outputs.emplace_back(out.text);
  };
  for (const std::string& piece : pieces) {
    add(assembler.Push(piece));
    if (answer.stopped) return answer;
  }
  add(assembler.Flush());
  return answer;
}

std::vector<std::string> Bytes(std::string_view text) {
  std::vector<std::string> out;
  for (char c : text) out.emplace_back(1, c);
  return out;
}

using testing::ElementsAre;

TEST(TextAssembler, TextPassesAtOnce) {
  Answer answer = Assemble({}, {"Der", " Beleg", " gilt"});
  EXPECT_THAT(answer.outputs, ElementsAre("Der", " Beleg", " gilt", ""));
  EXPECT_EQ(answer.tokens, 3);
}

TEST(TextAssembler, CharacterSplitOverTokensWaitsForItsRest) {
  Answer answer = Assemble({}, {"a\xE2", "\x82", "\xAC!", "\xC3", "\xA4"});
  EXPECT_THAT(answer.outputs, ElementsAre("a", "", "€!", "", "ä", ""));
  EXPECT_EQ(answer.tokens, 5);
}

TEST(TextAssembler, FourByteCharacterComesByteByByte) {
  Answer answer = Assemble({}, Bytes("x😀y"));
  EXPECT_THAT(answer.outputs, ElementsAre("x", "", "", "", "😀", "y", ""));
}

TEST(TextAssembler, TokensOfHeldBackTextAreCountedWithTheTextThatFollows) {
  TextAssembler assembler({"END"});
  EXPECT_EQ(assembler.Push("E").tokens, 0);
  EXPECT_EQ(assembler.Push("N").tokens, 0);
  TextAssembler::Output out = assembler.Push("N");
  EXPECT_EQ(out.text, "ENN");
  EXPECT_EQ(out.tokens, 3);
}

TEST(TextAssembler, OnePieceMayStandForManyTokens) {
  TextAssembler assembler({});
  EXPECT_EQ(assembler.Push("three words here", 3).tokens, 3);
}

TEST(TextAssembler, StopTextEndsTheTextAndIsNotPartOfIt) {
  Answer answer = Assemble({"STOP"}, {"go on STOP and more"});
  EXPECT_TRUE(answer.stopped);
  EXPECT_EQ(answer.text, "go on ");
}

TEST(TextAssembler, StopTextIsFoundAcrossTokens) {
  Answer answer = Assemble({"\n\nUser:"}, {"hello", "\n", "\nUs", "er", ": x"});
  EXPECT_TRUE(answer.stopped);
  EXPECT_THAT(answer.outputs, ElementsAre("hello", "", "", "", ""));
}

TEST(TextAssembler, StopTextBeginsInTheMiddleOfAToken) {
  Answer answer = Assemble({"bc"}, {"ab", "cd"});
  EXPECT_TRUE(answer.stopped);
  EXPECT_EQ(answer.text, "a");
}

TEST(TextAssembler, BeginningOfAStopTextComesOutWhenItIsNone) {
  Answer answer = Assemble({"###"}, {"a#", "#", "b"});
  EXPECT_FALSE(answer.stopped);
  EXPECT_THAT(answer.outputs, ElementsAre("a", "", "##b", ""));
}

TEST(TextAssembler, BeginningOfAStopTextComesOutAtTheEnd) {
  Answer answer = Assemble({"###"}, {"a##"});
  EXPECT_THAT(answer.outputs, ElementsAre("a", "##"));
  EXPECT_EQ(answer.text, "a##");
}

TEST(TextAssembler, StopTextThatOverlapsItselfIsFound) {
  Answer answer = Assemble({"aab"}, {"a", "a", "a", "b", "c"});
  EXPECT_TRUE(answer.stopped);
  EXPECT_EQ(answer.text, "a");
}

TEST(TextAssembler, FirstCompleteStopTextWins) {
  EXPECT_EQ(Assemble({"abc", "b"}, {"xabcx"}).text, "xa");
  EXPECT_EQ(Assemble({"abc", "b"}, Bytes("xabcx")).text, "xa");
}

TEST(TextAssembler, LongerStopTextWinsAtTheSameEnd) {
  EXPECT_EQ(Assemble({"c", "bc"}, {"abc"}).text, "a");
  EXPECT_EQ(Assemble({"bc", "c"}, {"abc"}).text, "a");
}

TEST(TextAssembler, StopTextOfSeveralByteCharactersIsFoundByteByByte) {
  Answer answer = Assemble({"€ä"}, Bytes("10 €ä tail"));
  EXPECT_TRUE(answer.stopped);
  EXPECT_EQ(answer.text, "10 ");
}

TEST(TextAssembler, SharedFirstByteOfACharacterIsNotHeldBackForEver) {
  Answer answer = Assemble({"ä"}, {"ö", "ü"});  // the same first byte 0xC3
  EXPECT_THAT(answer.outputs, ElementsAre("ö", "ü", ""));
}

TEST(TextAssembler, TextBeforeAStopIsGivenOnlyOnce) {
  Answer answer = Assemble({"ab"}, {"xa", "ya", "b"});
  EXPECT_TRUE(answer.stopped);
  EXPECT_THAT(answer.outputs, ElementsAre("x", "ay", ""));
}

TEST(TextAssembler, NothingComesAfterAStop) {
  TextAssembler assembler({"STOP"});
  EXPECT_TRUE(assembler.Push("a STOP b \xC3").stopped);
  EXPECT_EQ(assembler.Flush().text, "");
}

TEST(TextAssembler, EmptyStopTextIsIgnored) { EXPECT_EQ(Assemble({"", "\x80"}, {"abc"}).text, "abc"); }

TEST(TextAssembler, BadBytesBecomeReplacementCharacters) {
  constexpr std::string_view kBad = "\xEF\xBF\xBD";
  std::string bad(kBad);
  EXPECT_EQ(Assemble({}, {"a\xFFz"}).text, "a" + bad + "z");
  EXPECT_EQ(Assemble({}, {"\x80\x80"}).text, bad + bad);
  EXPECT_EQ(Assemble({}, {"\xC0\xAF"}).text, bad + bad);                      // overlong
  EXPECT_EQ(Assemble({}, {"\xED\xA0\x80"}).text, bad + bad + bad);            // surrogate
  EXPECT_EQ(Assemble({}, {"\xF4\x90\x80\x80"}).text, bad + bad + bad + bad);  // above U+10FFFF
  EXPECT_EQ(Assemble({}, {"\xE2\x82", "z"}).text, bad + "z");                 // one for the cut beginning
  EXPECT_EQ(Assemble({}, {"\xF0\x9F\x98"}).text, bad);                        // cut by the end
  EXPECT_EQ(Assemble({}, {"\xE2\x82", "\xC3", "\xA4"}).text, bad + "ä");
}

// Whatever the bytes and wherever they are cut: valid UTF-8 comes out, the same as in one piece, and no stop text in it.
TEST(TextAssembler, CutsDoNotChangeTheAnswer) {
  constexpr std::string_view kAlphabet[] = {"a",  "b",    "ab",   "ä",        "€",
                                            "😀", "\xC3", "\x82", "\xF0\x9F", "\xFF"};
  const std::vector<std::string> stops = {"abab", "b€", "äa", "😀b"};
  SeededRng rng(7);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    for (uint64_t i = rng.Next() % 12; i > 0; --i) bytes += kAlphabet[rng.Next() % std::size(kAlphabet)];
    Answer whole = Assemble(stops, {bytes});
    std::vector<std::string> pieces;
    for (size_t at = 0; at < bytes.size();) {
      size_t size = 1 + rng.Next() % 4;
      pieces.push_back(bytes.substr(at, size));
      at += size;
    }
    Answer cut = Assemble(stops, pieces);
    EXPECT_EQ(cut.text, whole.text) << HexEncode(bytes);
    EXPECT_EQ(cut.stopped, whole.stopped);
    for (const std::string& output : cut.outputs) EXPECT_TRUE(IsUtf8(output));
    for (const std::string& stop : stops) EXPECT_EQ(cut.text.find(stop), std::string::npos);
  }
}

}  // namespace
}  // namespace beleg::engine
