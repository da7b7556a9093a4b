#include "engine/llama/slots.h"

#include <gtest/gtest.h>

namespace beleg::engine {
namespace {

using Tokens = std::vector<Token>;

TEST(CommonPrefix, CountsEqualTokensAtTheStart) {
  EXPECT_EQ(CommonPrefix({1, 2, 3}, {1, 2, 4, 5}), 2);
  EXPECT_EQ(CommonPrefix({1, 2}, {1, 2, 3}), 2);
  EXPECT_EQ(CommonPrefix({}, {1}), 0);
  EXPECT_EQ(CommonPrefix({2}, {1}), 0);
}

TEST(SlotTable, EmptyTableIsFilledFromTheStart) {
  SlotTable table(3);
  EXPECT_EQ(table.Take({1}).id, 0);
  EXPECT_EQ(table.Take({1}).id, 1);
  EXPECT_EQ(table.Take({1}).id, 2);
}

TEST(SlotTable, PromptGoesWhereItsBeginningIs) {
  SlotTable table(3);
  Slot& a = table.Take({});
  Slot& b = table.Take({});
  a.tokens = {1, 2, 3};
  b.tokens = {7, 8, 9};
  table.GiveBack(a);
  table.GiveBack(b);
  EXPECT_EQ(table.Take({7, 8, 1}).id, 1);
}

TEST(SlotTable, StrangePromptTakesTheLongestUnused) {
  SlotTable table(3);
  Slot& a = table.Take({});
  a.tokens = {1, 2, 3};
  table.GiveBack(a);
  EXPECT_EQ(table.Take({9}).id, 1);  // never used: what a holds may be asked for again
}

TEST(SlotTable, BusySlotsStayNeighbours) {
  SlotTable table(5);
  Slot& zero = table.Take({});
  table.Take({});
  Slot& two = table.Take({});
  two.tokens = {5, 6};
  table.GiveBack(two);
  Slot* four = nullptr;
  for (int i = 0; i < 3; ++i) four = &table.Take({});
  four->tokens = {1, 2, 3};
  table.GiveBack(*four);
  table.GiveBack(zero);
  // Busy: 1, 2 and 3. Slot 0 and 4 are as near, but 4 holds the prompt.
  EXPECT_EQ(four->id, 4);
  EXPECT_EQ(table.Take({1, 2}).id, 4);
}

TEST(SlotTable, HoleIsFilledBeforeAFarSlotWithThePrompt) {
  SlotTable table(6);
  std::vector<Slot*> all;
  for (int i = 0; i < 6; ++i) all.push_back(&table.Take({}));
  all[5]->tokens = {1, 2, 3};
  for (int i : {1, 3, 4, 5}) table.GiveBack(*all[static_cast<size_t>(i)]);
  EXPECT_EQ(table.Take({1, 2, 3}).id, 1);  // between 0 and 2; the content can be copied
}

TEST(SlotTable, DonorsAreWhatIsComputedAndWhatWillBe) {
  SlotTable table(3);
  Slot& a = table.Take({});
  Slot& b = table.Take({});
  Tokens target = {1, 2, 3, 4};
  a.tokens = {1, 2};
  a.target = &target;
  b.tokens = {1};
  EXPECT_EQ(table.BestNow({1, 2, 3, 9}).slot, &a);
  EXPECT_EQ(table.BestNow({1, 2, 3, 9}).tokens, 2);
  EXPECT_EQ(table.BestSoon({1, 2, 3, 9}).tokens, 3);
  EXPECT_EQ(table.BestNow({9}).slot, nullptr);
  table.GiveBack(a);
  EXPECT_EQ(table.BestSoon({1, 2, 3, 9}).slot, nullptr);
  EXPECT_EQ(table.BestNow({1, 2, 3, 9}).slot, &a);  // an idle slot gives too
}

TEST(SlotTable, BusyTokensAreThoseInUse) {
  SlotTable table(2);
  Slot& a = table.Take({});
  Slot& b = table.Take({});
  a.tokens = {1, 2};
  b.tokens = {1, 2, 3};
  EXPECT_EQ(table.busy_tokens(), 5);
  table.GiveBack(b);
  EXPECT_EQ(table.busy_tokens(), 2);
}

}  // namespace
}  // namespace beleg::engine
