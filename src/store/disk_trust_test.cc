#include "store/disk_trust.h"

#include <gtest/gtest.h>

namespace beleg::store {
namespace {

class DiskTrustTest : public ::testing::Test {
 protected:
  int told_ = 0;
  DiskTrust disk_{[this](const Error&) { ++told_; }};
};

TEST_F(DiskTrustTest, WhatWasWrittenIsPassedOn) {
  EXPECT_TRUE(disk_.Judge({}));
  EXPECT_TRUE(disk_.Check());
  EXPECT_EQ(told_, 0);
}

TEST_F(DiskTrustTest, AFullDiskIsPassedOnAndTrusted) {
  EXPECT_EQ(disk_.Judge(Fail(ErrorCode::kResourceExhausted, "no room")).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_TRUE(disk_.Check());
  EXPECT_EQ(told_, 0);
}

TEST_F(DiskTrustTest, AFailureIsToldOnceAndEndsTheTrust) {
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(disk_.Judge(Fail(ErrorCode::kDataLoss, "")).error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(disk_.Check().error().code, ErrorCode::kUnavailable);
    EXPECT_EQ(told_, 1);
  }
  EXPECT_EQ(disk_.Judge(Fail(ErrorCode::kResourceExhausted, "no room")).error().code,
            ErrorCode::kResourceExhausted)
      << "it is that write's own answer";
  EXPECT_FALSE(disk_.Check());
}

TEST(DiskTrustDeathTest, WithNobodyToTellAFailureEndsTheProcess) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_EXIT(std::ignore = DiskTrust({}).Judge(Fail(ErrorCode::kDataLoss, "input/output error")),
              ::testing::ExitedWithCode(74), "disk_failed");
}

}  // namespace
}  // namespace beleg::store
