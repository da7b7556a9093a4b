#include "audit/report_text.h"

#include <gtest/gtest.h>

namespace beleg::audit {
namespace {

TEST(PrettyJson, IsThatOfPython) {
  auto json = *wire::Json::Parse(R"({"a":{"b":[1,"x"],"c":{}},"d":[],"e":null})");
  EXPECT_EQ(PrettyJson(json, 2), R"({
  "a": {
    "b": [
      1,
      "x"
    ],
    "c": {}
  },
  "d": [],
  "e": null
})");
}

TEST(FormatUtc, IsIso8601) {
  EXPECT_EQ(FormatUtc(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(FormatUtc(1'700'000'000'123'456), "2023-11-14T22:13:20.123456Z");
  EXPECT_EQ(FormatUtc(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatUtc(1'709'164'800'000'000), "2024-02-29T00:00:00.000000Z");
}

TEST(OneLine, TakesControlCharactersOut) {
  EXPECT_EQ(OneLine("a\nb\tc\x1b[2J\x7f"), "a b c [2J ");
  EXPECT_EQ(OneLine("caf\xC3\xA9 \xC2\x9B"
                    "1m \xC2\xA0."),
            "caf\xC3\xA9  1m \xC2\xA0.");
  EXPECT_EQ(OneLine("\xC2"), "\xC2");
}

}  // namespace
}  // namespace beleg::audit
