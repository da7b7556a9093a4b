#include "wire/jcs.h"

#include <bit>
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/rng.h"

namespace beleg::wire {
namespace {

using ::testing::HasSubstr;

TEST(Jcs, Rfc8785Section322Example) {
  auto json = Json::Parse(R"({
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  })");
  ASSERT_TRUE(json);
  EXPECT_EQ(Canonicalize(*json),
            R"({"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],)"
            R"("string":"€$\u000f\nA'B\"\\\\\"/"})");
}

TEST(Jcs, Rfc8785Section323SortsByUtf16) {
  auto json = Json::Parse(R"({
    "\u20ac": "Euro Sign",
    "\r": "Carriage Return",
    "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One",
    "\ud83d\ude00": "Emoji: Grinning Face",
    "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis"
  })");
  ASSERT_TRUE(json);
  EXPECT_EQ(Canonicalize(*json),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\","
            "\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\","
            "\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}");
  EXPECT_EQ(Canonicalize(*Json::Parse(R"({"aa":1,"a":2,"":3,"A":4})")), R"({"":3,"A":4,"a":2,"aa":1})");
}

TEST(Jcs, Rfc8785AppendixBNumbers) {
  const std::pair<uint64_t, const char*> kSamples[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (auto [bits, text] : kSamples) EXPECT_EQ(Canonicalize(Json(std::bit_cast<double>(bits))), text);
  EXPECT_DEATH(Canonicalize(Json(std::nan(""))), "NaN");
  EXPECT_DEATH(Canonicalize(Json(std::numeric_limits<double>::infinity())), "infinity");
}

TEST(Jcs, WholeNumbersPrintTheSameAsIntAndAsDouble) {
  constexpr int64_t kValues[] = {0, 1, -1, 1764000000000000, (int64_t{1} << 53) - 1, -(int64_t{1} << 53)};
  for (int64_t value : kValues) {
    EXPECT_EQ(Canonicalize(Json(value)), std::to_string(value));
    EXPECT_EQ(Canonicalize(Json(static_cast<double>(value))), std::to_string(value));
  }
  EXPECT_EQ(Canonicalize(Json((int64_t{1} << 53) + 1)), "9007199254740992");
  EXPECT_EQ(Canonicalize(Json(std::numeric_limits<int64_t>::max())), "9223372036854776000");
}

TEST(Jcs, DoublesAreReadBackTheSame) {
  SeededRng rng(2);
  for (int i = 0; i < 20000; ++i) {
    double value = std::bit_cast<double>(rng.Next());
    if (!std::isfinite(value)) continue;
    auto json = Json::Parse(Canonicalize(Json(value)));
    ASSERT_TRUE(json);
    EXPECT_EQ(json->as_double(), value);
  }
}

TEST(Jcs, ParseCanonicalTakesOnlyTheCanonicalForm) {
  auto json = ParseCanonical(R"({"a":[1,2.5,"x"],"b":{}})");
  ASSERT_TRUE(json);
  EXPECT_EQ(json->Find("a")->as_array()[1].as_double(), 2.5);
  for (const char* text : {R"({"b":{},"a":1})", "[1, 2]", " 1", "1\n", "1.0", "-0", "1E3", R"("\u0041")",
                           R"("\/")", R"("\u000A")", "9007199254740993", "1e3", "0.10"}) {
    auto other = ParseCanonical(text);
    ASSERT_FALSE(other) << text;
    EXPECT_EQ(other.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(ParseCanonical("[1, 2]").error().message, HasSubstr("from byte 3 on"));
  EXPECT_EQ(ParseCanonical("[1").error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(ParseCanonical(R"({"a":1,"a":1})").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace beleg::wire
