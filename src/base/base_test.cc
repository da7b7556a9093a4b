#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bounded_queue.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/result.h"
#include "base/utc_day.h"

namespace beleg {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Result<int> Half(int n) {
  if (n % 2 != 0) return Fail(ErrorCode::kInvalidArgument, "{} is odd", n);
  return n / 2;
}

Result<int> Quarter(int n) {
  TRY_ASSIGN(int half, Half(n));
  TRY(Half(half));
  return half / 2;
}

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(*Quarter(8), 2);
  EXPECT_EQ(Quarter(6).error().code, ErrorCode::kInvalidArgument);
}

TEST(UtcDay, WhatIsReadIsWrittenAgain) {
  for (std::string_view text : {"1970-01-01", "2024-02-29", "2026-11-24", "0099-12-31"}) {
    auto day = ParseUtcDay(text);
    ASSERT_TRUE(day) << text;
    EXPECT_EQ(FormatUtcDay(*day), text);
  }
  EXPECT_EQ(ParseUtcDay("1970-01-02")->time_since_epoch().count(), 1);
}

TEST(UtcDay, WhatIsNoDayIsNone) {
  for (std::string_view text : {"", "2026-11-2", "2026-11-244", "2026/11/24", "2025-02-29", "2026-13-01",
                                "2026-00-01", "2026-01-00", "2026-01-32", "x026-01-01", "2026-1 -01"})
    EXPECT_FALSE(ParseUtcDay(text)) << text;
}

TEST(CondVar, WaitUntilEndsAtItsMoment) {
  Mutex mutex;
  CondVar never;
  const SystemClock clock;
  const int64_t moment_us = clock.MonoMicros() + 2'000;
  MutexLock lock(mutex);
  while (never.WaitUntil(mutex, moment_us)) {}
  EXPECT_GE(clock.MonoMicros(), moment_us);
}

TEST(Bytes, HexAndBase64RoundTrip) {
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  for (size_t n = 0; n <= all.size(); ++n) {
    std::string part = all.substr(0, n);
    EXPECT_EQ(*HexDecode(HexEncode(part)), part);
    EXPECT_EQ(*Base64Decode(Base64Encode(part)), part);
  }
  EXPECT_EQ(Base64Encode("foob"), "Zm9vYg==");  // RFC 4648 §10
}

TEST(Bytes, BadTextFormsAreRefused) {
  EXPECT_FALSE(HexDecode("abc"));
  EXPECT_FALSE(HexDecode("zz"));
  EXPECT_FALSE(Base64Decode("Zg="));
  EXPECT_FALSE(Base64Decode("Zh=="));  // stray bits
  EXPECT_FALSE(Base64Decode("Z==="));
  EXPECT_FALSE(Base64Decode("Zm9v*m9v"));
  EXPECT_FALSE(ParseUint64("-1"));
  EXPECT_FALSE(ParseUint64("12x"));
  EXPECT_FALSE(ParseUint64("18446744073709551616"));
}

TEST(Bytes, Crc32cMatchesRfc3720) {
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(Crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(Crc32c("6789", Crc32c("12345")), Crc32c("123456789"));
}

TEST(Bytes, Utf8IsJudgedByRfc3629) {
  EXPECT_TRUE(IsUtf8("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"));
  EXPECT_FALSE(IsUtf8("\xc0\xaf"));          // overlong
  EXPECT_FALSE(IsUtf8("\xed\xa0\x80"));      // surrogate
  EXPECT_FALSE(IsUtf8("\xf4\x90\x80\x80"));  // above U+10FFFF
  EXPECT_FALSE(IsUtf8("\xe2\x82"));          // cut short
}

TEST(Ids, TraceIdsSortByTime) {
  ManualClock clock;
  SeededRng rng(1);
  TraceId first = NewTraceId(clock, rng);
  clock.AdvanceMicros(2000);
  EXPECT_LT(first, NewTraceId(clock, rng));
  EXPECT_EQ(*TraceId::FromHex(first.Hex()), first);
  EXPECT_FALSE(TraceId::FromHex("00"));
}

TEST(BoundedQueue, RefusesWhatIsOverItsLimits) {
  BoundedQueue<int> queue({.count_max = 2, .bytes_max = 10});
  EXPECT_TRUE(queue.TryPush(1, 100));  // larger than the limit, but alone
  EXPECT_FALSE(queue.TryPush(2, 1));
  EXPECT_THAT(queue.PopAll(std::chrono::microseconds(0)), ElementsAre(1));
  EXPECT_TRUE(queue.TryPush(2, 5));
  EXPECT_TRUE(queue.TryPush(3, 5));
  EXPECT_FALSE(queue.TryPush(4, 0));
  queue.Close();
  EXPECT_THAT(queue.PopAll(std::chrono::microseconds(0)), ElementsAre(2, 3));
  EXPECT_FALSE(queue.TryPush(5, 0));
}

TEST(Metrics, RenderAsPrometheusText) {
  MetricRegistry registry;
  registry.AddCounter("a_total", "Things.", {{"x", "q\"\n"}}).Add(2);
  registry.AddCounter("a_total", "Things.", {{"x", "q\"\n"}}).Add(1);
  Histogram& histogram = registry.AddHistogram("h_seconds", "Time.", {0.1, 1});
  histogram.Observe(0.1);
  histogram.Observe(5);
  std::string text = registry.RenderPrometheus();
  EXPECT_THAT(text, HasSubstr("# TYPE a_total counter\na_total{x=\"q\\\"\\n\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"0.1\"} 1\nh_seconds_bucket{le=\"1\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("h_seconds_bucket{le=\"+Inf\"} 2\nh_seconds_sum 5.1\nh_seconds_count 2\n"));
}

}  // namespace
}  // namespace beleg
