#include "wire/json.h"

#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace beleg::wire {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string MessageOf(std::string_view text) {
  auto json = Json::Parse(text);
  if (json) return "no error: " + json->Dump();
  EXPECT_EQ(json.error().code, ErrorCode::kInvalidArgument);
  return json.error().message;
}

TEST(Json, ReadsEachTypeAndKeepsTheOrderOfMembers) {
  auto json =
      Json::Parse(R"( {"z": [1, -2.5, "a\u00e9\n\ud83d\ude00"], "a": {"t": true, "f": false, "n": null}} )");
  ASSERT_TRUE(json);
  EXPECT_EQ(*json, Json::MakeObject({{"z", Json::MakeArray({1, -2.5, "aé\n😀"})},
                                     {"a", Json::MakeObject({{"t", true}, {"f", false}, {"n", nullptr}})}}));
  EXPECT_EQ(json->Dump(), R"({"z":[1,-2.5,"aé\n😀"],"a":{"t":true,"f":false,"n":null}})");
  EXPECT_EQ(json->Find("z")->as_array()[0].as_int(), 1);
  EXPECT_EQ(json->Find("missing"), nullptr);
  EXPECT_EQ(Json(1).Find("z"), nullptr);
}

TEST(Json, WholeNumbersAreIntsWhileTheyFit) {
  EXPECT_EQ(Json::Parse("9223372036854775807")->as_int(), std::numeric_limits<int64_t>::max());
  EXPECT_EQ(Json::Parse("-9223372036854775808")->as_int(), std::numeric_limits<int64_t>::min());
  for (const char* text : {"9223372036854775808", "18446744073709551615", "18446744073709551616",
                           "-9223372036854775809", "123456789012345678901234567890"}) {
    auto json = Json::Parse(text);
    ASSERT_TRUE(json) << text;
    EXPECT_TRUE(json->is_double()) << text;
    EXPECT_EQ(json->as_double(), std::stod(text)) << text;
  }
  EXPECT_TRUE(Json::Parse("1.0")->is_double());
  EXPECT_TRUE(Json::Parse("1e2")->is_double());
  auto mixed = Json::Parse(R"({"big":[18446744073709551616,{"b":1,"a":"x"}],"t":true,"n":null,"d":0.5})");
  ASSERT_TRUE(mixed);
  EXPECT_EQ(mixed->Dump(), R"({"big":[18446744073709551616.0,{"b":1,"a":"x"}],"t":true,"n":null,"d":0.5})");
}

TEST(Json, DoublesAreReadBackTheSame) {
  SeededRng rng(1);
  for (double value : {0.1, 1.0, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 1e21, 123456789.0}) {
    std::string text = Json(value).Dump();
    auto json = Json::Parse(text);
    ASSERT_TRUE(json && json->is_double()) << text;
    EXPECT_EQ(json->as_double(), value);
    EXPECT_EQ(std::signbit(json->as_double()), std::signbit(value));
  }
  for (int i = 0; i < 20000; ++i) {
    double value = std::bit_cast<double>(rng.Next());
    if (!std::isfinite(value)) continue;
    EXPECT_EQ(*Json::Parse(Json(value).Dump()), Json(value));
  }
  EXPECT_EQ(Json(1.0).Dump(), "1.0");
  EXPECT_EQ(Json(std::nan("")).Dump(), "null");
  EXPECT_EQ(Json(std::numeric_limits<double>::infinity()).Dump(), "null");
}

TEST(Json, StringsEscapeOnlyWhatTheyMust) {
  std::string all;
  for (int i = 0; i < 128; ++i) all.push_back(static_cast<char>(i));
  std::string out;
  AppendJsonString(out, all);
  EXPECT_THAT(out, StartsWith(R"("\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e)"));
  EXPECT_THAT(out, HasSubstr(R"(\u001f !\"#$%&'()*+,-./0)"));
  EXPECT_THAT(out, HasSubstr("[\\\\]^_"));
  EXPECT_EQ(Json::Parse(out)->as_string(), all);
  // Each special byte at each place of an eight-byte word.
  for (std::string_view special : {"\"", "\\", "\x1f", "é", "€", "😀"})
    for (size_t before = 0; before < 20; ++before) {
      std::string text = std::string(before, 'x') + std::string(special) + std::string(20 - before, 'y');
      EXPECT_EQ(Json::Parse(Json(text).Dump())->as_string(), text);
    }
}

TEST(Json, BytesThatAreNoUtf8BecomeReplacementCharacters) {
  EXPECT_EQ(Json("a\xff\xc3").Dump(), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(Json("\xed\xa0\x80").Dump(), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");  // a surrogate
}

TEST(Json, SetReplacesOrAddsAndAppendMakesAnArray) {
  Json json;
  json.Set("a", 1);
  json.Set("b", "x");
  json.Set("a", 2);
  Json list;
  list.Append(1);
  list.Append("two");
  json.Set("c", std::move(list));
  EXPECT_EQ(json.Dump(), R"({"a":2,"b":"x","c":[1,"two"]})");
  EXPECT_EQ(Json::MakeArray().Dump() + Json::MakeObject({}).Dump(), "[]{}");
  EXPECT_EQ(json.type_name(), "object");
  EXPECT_EQ(Json(1).type_name(), "number");
  EXPECT_DEATH(Json("x").as_int(), "no whole number");
}

TEST(Json, NestingHasALimit) {
  auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(Json::Parse(nested(kJsonDepthMax)));
  EXPECT_THAT(MessageOf(nested(kJsonDepthMax + 1)), HasSubstr("nested deeper than 128"));
  EXPECT_THAT(MessageOf(std::string(1000000, '[')), HasSubstr("nested deeper than 128"));
  // The same limit for texts that take the careful way.
  std::string big(kJsonDepthMax, '[');
  EXPECT_TRUE(Json::Parse(big + "18446744073709551616" + std::string(kJsonDepthMax, ']')));
}

TEST(Json, ErrorsNameThePlace) {
  EXPECT_EQ(MessageOf("{\"a\": 1,\n \"b\": [1, 2}"),
            "line 2, column 12: unexpected '}', expected ',' or ']'");
  EXPECT_EQ(MessageOf("{\n\"a\": 1\n\"b\": 2}"),
            "line 3, column 3: unexpected string literal, expected ',' or '}'");
  EXPECT_EQ(MessageOf(""), "line 1, column 1: unexpected end of input, expected '[', '{', or a literal");
  EXPECT_EQ(MessageOf("[1, 2"), "line 1, column 6: unexpected end of input, expected ',' or ']'");
  EXPECT_EQ(MessageOf("{\"a\" 1}"), "line 1, column 6: unexpected number literal, expected ':'");
  EXPECT_EQ(MessageOf("{a: 1}"), "line 1, column 2: invalid literal, expected string literal");
  EXPECT_EQ(MessageOf("[1] x"), "line 1, column 5: invalid literal, expected end of input");
  EXPECT_THAT(MessageOf("[\"é\", tru]"), StartsWith("line 1, column 10: invalid literal"));
  EXPECT_EQ(MessageOf("\xef\xbb\xbf[]"), "line 1, column 1: byte order mark, expected a value");
  EXPECT_THAT(MessageOf("1e999"), HasSubstr("number out of range"));
}

TEST(Json, MessagesQuoteNothingOfTheInput) {
  EXPECT_THAT(MessageOf("{\"secret-prompt\": \"secret-text\xff\"}"), Not(HasSubstr("secret")));
  EXPECT_THAT(MessageOf("{\"k\": secret-text}"), Not(HasSubstr("secret")));
}

TEST(Json, WhatIsNoJsonIsRefused) {
  for (const char* text : {"01",           "+1",
                           "1.",           ".5",
                           "NaN",          "Infinity",
                           "'a'",          "[1,]",
                           "{\"a\":1,}",   "\"\t\"",
                           "\"\\x\"",      "\"\\ud800\"",
                           "\"\\udc00x\"", "\"\\ud800\\u0041\"",
                           "\"\xff\"",     "\"\xed\xa0\x80\"",
                           "\"\xc0\x80\"", "// c\n1",
                           "1 2",          "tru",
                           "\"open"})
    EXPECT_FALSE(Json::Parse(text)) << text;
  EXPECT_FALSE(Json::Parse(std::string_view("1\0", 2)));
}

TEST(Json, DuplicateMembersAreNamedByPath) {
  EXPECT_EQ(MessageOf(R"({"a":1,"b":2,"a":3})"), "a: duplicate member");
  EXPECT_EQ(MessageOf(R"({"messages":[{},{"role":{"x":1,"x":2}}]})"), "messages[1].role.x: duplicate member");
  EXPECT_EQ(MessageOf(R"([[{"x":1,"\u0078":2}]])"), "[0][0].x: duplicate member");
  std::string many = "{";
  for (int i = 0; i < 100; ++i) many += fmt::format("\"k{}\":{},", i, i);
  EXPECT_TRUE(Json::Parse(many + "\"k100\":0}"));
  EXPECT_EQ(MessageOf(many + "\"k57\":0}"), "k57: duplicate member");
  EXPECT_TRUE(Json::Parse(R"({"a":{"a":1},"b":{"a":1}})"));
}

}  // namespace
}  // namespace beleg::wire
