#include "ledger/group_pacing.h"

#include <gtest/gtest.h>

namespace beleg::ledger {
namespace {

constexpr int64_t kIntervalUs = 2000;
constexpr int64_t kCommitUs = 200;
constexpr int kGroups = 4000;

class GroupPacingTest : public testing::Test {
 protected:
  // One group after another: `early` ops come as soon as the last group is answered, then others one each spacing_us (0: none).
  // How many groups were held back for nothing.
  int Run(size_t early, int64_t spacing_us, int groups) {
    int vain = 0;
    for (int i = 0; i < groups; ++i) {
      const int64_t first_us = early > 0 ? now_us_ + 50 : NextArrival(spacing_us);
      size_t ops = early > 0 ? early : 1;
      int64_t taken_us = first_us + 20;
      if (pacing_.is_holding()) {
        taken_us = pacing_.hold_until_us();
        const int64_t late = spacing_us == 0 ? 0 : (taken_us - first_us) / spacing_us;
        ops += static_cast<size_t>(late);
        pacing_.Held(ops, first_us + late * spacing_us);
        if (late == 0) ++vain;
        ++held_;
      }
      now_us_ = taken_us + kCommitUs;
      pacing_.Committed(ops, taken_us, now_us_);
    }
    return vain;
  }
  int64_t NextArrival(int64_t spacing_us) const { return (now_us_ / spacing_us + 1) * spacing_us; }

  GroupPacing pacing_{std::chrono::microseconds(kIntervalUs)};
  int64_t now_us_ = 1'000'000;
  int held_ = 0;
};

TEST_F(GroupPacingTest, SmallGroupsOfAStreamAreHeldForCompany) {
  Run(0, 700, kGroups);
  EXPECT_GT(held_, kGroups * 9 / 10);
}

TEST_F(GroupPacingTest, CallersWhoWaitForTheirAnswersAreHardlyHeld) {
  const int vain = Run(2, 0, kGroups);
  EXPECT_GT(vain, 0) << "it is tried";
  EXPECT_LT(vain, kGroups / 200);
}

TEST_F(GroupPacingTest, HoldingIsFoundAgainWhenAStreamComes) {
  Run(2, 0, kGroups);
  held_ = 0;
  Run(0, 700, kGroups);
  EXPECT_GT(held_, kGroups / 2);
}

TEST_F(GroupPacingTest, RareGroupsAreNeverHeld) {
  Run(0, 5'000, kGroups);
  EXPECT_EQ(held_, 0);
}

TEST_F(GroupPacingTest, LargeGroupsAreNotHeld) {
  Run(GroupPacing::kOpsEnough, 0, kGroups);
  EXPECT_EQ(held_, 0);
}

TEST_F(GroupPacingTest, AGroupThatIsNotHeldWaitsForAsManyAsTheLastAndNoLongerThanItsCommitTook) {
  pacing_.Committed(5, 1'000, 1'150);
  EXPECT_EQ(pacing_.company(), 5u);
  EXPECT_EQ(pacing_.window(), std::chrono::microseconds(150));
  pacing_.Committed(5, 100'000, 200'000);
  EXPECT_EQ(pacing_.window(), std::chrono::microseconds(kIntervalUs));
}

}  // namespace
}  // namespace beleg::ledger
