#include "app/restart_pause.h"

#include <gtest/gtest.h>

namespace beleg::app {
namespace {

using Ms = std::chrono::milliseconds;

TEST(RestartPause, APartThatWorkedIsStartedAgainAtOnceHoweverOftenItIsKilled) {
  RestartPause pause;
  for (int kill = 0; kill < 100; ++kill)
    EXPECT_EQ(pause.AfterEnd(RestartPause::kWorkedMin), RestartPause::kMin);
}

TEST(RestartPause, APartThatIsNeverReadyWaitsTwiceAsLongEachTimeUpToAMaximum) {
  RestartPause pause;
  for (Ms wanted : {Ms(100), Ms(200), Ms(400), Ms(800), Ms(1'600), Ms(3'200), Ms(6'400), Ms(12'800),
                    Ms(25'600), Ms(30'000), Ms(30'000)})
    EXPECT_EQ(pause.AfterEnd(std::nullopt), wanted);
}

TEST(RestartPause, APartThatEndsRightAfterItIsReadyHasNotWorked) {
  RestartPause pause;
  EXPECT_EQ(pause.AfterEnd(Ms(0)), Ms(100));
  EXPECT_EQ(pause.AfterEnd(RestartPause::kWorkedMin - Ms(1)), Ms(200));
  EXPECT_EQ(pause.AfterEnd(std::nullopt), Ms(400));
}

TEST(RestartPause, APartThatWorkedForgetsThePausesBefore) {
  RestartPause pause;
  for (int end = 0; end < 8; ++end) pause.AfterEnd(std::nullopt);
  EXPECT_EQ(pause.AfterEnd(Ms(60'000)), RestartPause::kMin);
  EXPECT_EQ(pause.AfterEnd(std::nullopt), RestartPause::kMin * 2);
}

}  // namespace
}  // namespace beleg::app
