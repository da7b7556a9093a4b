#include "engine/llama/prefill_budget.h"

#include <gtest/gtest.h>

namespace beleg::engine {
namespace {

TEST(PrefillBudget, WholeChunkWhenNobodyWaits) { EXPECT_EQ(PrefillBudget(512).Tokens(false), 512); }

TEST(PrefillBudget, SmallPieceWhileTheSpeedIsUnknown) { EXPECT_EQ(PrefillBudget(512).Tokens(true), 32); }

TEST(PrefillBudget, PieceIsWhatFitsTheStall) {
  PrefillBudget budget(512);
  for (int i = 0; i < 50; ++i) budget.Observe(100, 250'000);  // 400 tokens a second, a stall of 0.2 s
  EXPECT_NEAR(static_cast<double>(budget.Tokens(true)), 80, 1);
}

TEST(PrefillBudget, FastMachineComputesTheWholeChunk) {
  PrefillBudget budget(512);
  budget.Observe(512, 10'000);
  EXPECT_EQ(budget.Tokens(true), 512);
}

TEST(PrefillBudget, TinyStepsTeachNothing) {
  PrefillBudget budget(512);
  budget.Observe(512, 10'000);
  budget.Observe(1, 1'000'000);
  budget.Observe(512, 0);
  EXPECT_EQ(budget.Tokens(true), 512);
}

TEST(PrefillBudget, ChunkMayBeSmallerThanTheSmallestPiece) { EXPECT_EQ(PrefillBudget(8).Tokens(true), 8); }

}  // namespace
}  // namespace beleg::engine
