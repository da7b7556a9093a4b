#include "audit/holds.h"

#include <gtest/gtest.h>

namespace beleg::audit {
namespace {

TEST(Moment, DaysAndTimesAreUtc) {
  EXPECT_EQ(*ParseMoment("", true), 0);
  EXPECT_EQ(*ParseMoment("2023-11-14T22:13:20Z", false), 1'700'000'000'000'000);
  EXPECT_EQ(*ParseMoment("2023-11-14T22:13:20Z", true), 1'700'000'000'000'000);
  EXPECT_EQ(*ParseMoment("2023-11-15", false), 1'700'006'400'000'000);
  EXPECT_EQ(*ParseMoment("2023-11-14", true), 1'700'006'399'999'999);
}

TEST(Moment, WhatIsNoTimeIsRefused) {
  for (const char* text : {"2023", "2023-13-01", "2023-02-30", "2023-11-14T24:00:00Z", "2023-11-14T22:13:20",
                           "2023-11-14 22:13:20Z", "1969-12-31", "yesterday!", "2023-11-14T22:13:2aZ"})
    EXPECT_EQ(ParseMoment(text, false).error().code, ErrorCode::kInvalidArgument) << text;
}

TEST(HoldText, SaysWhatItHolds) {
  const auto text = [](const char* json) { return RenderHold(*wire::Json::Parse(json)); };
  EXPECT_EQ(text(R"({"name":"case-17","from_us":1700000000000000,"items":3})"),
            "case-17: 3 records of all logs, from 2023-11-14T22:13:20Z");
  EXPECT_EQ(text(R"({"name":"a","origin":"log","first_index":6,"end_index":7,"request_id":"ff","items":1})"),
            "a: 1 records of log, request ff, from leaf 6, before leaf 7");
}

}  // namespace
}  // namespace beleg::audit
