#include "serve/receipt_book.h"

#include <gtest/gtest.h>

namespace beleg::serve {
namespace {

RequestId IdOf(uint8_t byte) {
  RequestId id;
  id.bytes.fill(byte);
  return id;
}

class ReceiptBookTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  ReceiptBook book_{{.pages_max = 2, .keep_us = 10'000'000, .clock = &clock_}};
};

TEST_F(ReceiptBookTest, GivesBothReceiptsAgain) {
  book_.Begun(IdOf(1), "alice", "b1");
  EXPECT_EQ(book_.Find(IdOf(1))->begin, "b1");
  EXPECT_EQ(book_.Find(IdOf(1))->finish, "");
  book_.Finished(IdOf(1), "alice", "f1");
  auto page = book_.Find(IdOf(1));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->caller, "alice");
  EXPECT_EQ(page->begin, "b1");
  EXPECT_EQ(page->finish, "f1");
  EXPECT_FALSE(book_.Find(IdOf(2)));
}

TEST_F(ReceiptBookTest, ForgetsTheOldestWhenItIsFull) {
  for (uint8_t i : {1, 2, 3}) book_.Begun(IdOf(i), "alice", "b");
  EXPECT_FALSE(book_.Find(IdOf(1)));
  EXPECT_TRUE(book_.Find(IdOf(2)));
  book_.Finished(IdOf(1), "alice", "f1");  // a long request: its end is known again, its begin is not
  EXPECT_EQ(book_.Find(IdOf(1))->begin, "");
  EXPECT_EQ(book_.Find(IdOf(1))->finish, "f1");
}

TEST_F(ReceiptBookTest, ForgetsAfterATime) {
  book_.Finished(IdOf(1), "alice", "f1");
  clock_.AdvanceMicros(10'000'000);
  EXPECT_TRUE(book_.Find(IdOf(1)));
  clock_.AdvanceMicros(1);
  EXPECT_FALSE(book_.Find(IdOf(1)));
}

}  // namespace
}  // namespace beleg::serve
