#include "record/commitment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "record/testing.h"
#include "wire/sha256.h"

namespace beleg::record {
namespace {

Secret TestSecret() { return CountingBytes<Secret>(0); }

// items of (path i, bytes i), added from the last to the first.
CommitmentTree TreeOf(int items) {
  CommitmentTree tree(TestSecret());
  for (int i = items - 1; i >= 0; --i) tree.Add(fmt::format("output/{:03}", i), fmt::format("text {}", i));
  return tree;
}

TEST(Commitment, EveryItemOfEveryTreeOpens) {
  for (int items = 1; items <= 33; ++items) {
    CommitmentTree tree = TreeOf(items);
    Commitment commitment = tree.Root();
    EXPECT_EQ(commitment.items, items);
    for (int i = 0; i < items; ++i) {
      auto opening = tree.Open(fmt::format("output/{:03}", i));
      ASSERT_TRUE(opening);
      EXPECT_EQ(opening->index, static_cast<uint64_t>(i));
      EXPECT_TRUE(VerifyOpening(commitment, *opening, fmt::format("text {}", i))) << i << " of " << items;
      EXPECT_FALSE(VerifyOpening(commitment, *opening, fmt::format("text {}!", i)));
    }
  }
}

TEST(Commitment, RootIsTheSameInWhateverOrderItemsCome) {
  CommitmentTree tree(TestSecret());
  for (int i : {2, 0, 1}) tree.Add(fmt::format("output/{:03}", i), fmt::format("text {}", i));
  EXPECT_EQ(tree.Root(), TreeOf(3).Root());
}

TEST(Commitment, RootChangesWithEverything) {
  auto root_of = [](uint8_t secret, std::string path, std::string_view bytes) {
    CommitmentTree tree(CountingBytes<Secret>(secret));
    tree.Add(std::move(path), bytes);
    return tree.Root().root;
  };
  Hash32 root = root_of(0, "ab", "c");
  EXPECT_EQ(root_of(0, "ab", "c"), root);
  EXPECT_NE(root_of(1, "ab", "c"), root);
  EXPECT_NE(root_of(0, "a", "bc"), root);
  EXPECT_NE(root_of(0, "ab", ""), root);
}

TEST(Commitment, EmptyTreeIsTheHashOfNothing) {
  Commitment commitment = CommitmentTree(TestSecret()).Root();
  EXPECT_EQ(commitment.items, 0);
  EXPECT_EQ(commitment.root, wire::Sha256(""));
  Opening opening;
  opening.path = "a";
  EXPECT_FALSE(VerifyOpening(commitment, opening, ""));
}

TEST(Commitment, BytesAreTakenAsTheyAre) {
  CommitmentTree tree(TestSecret());
  std::string bytes("\0\xff\r\n", 4);
  tree.Add("input/0/content", bytes);
  tree.Add("output/0", "");
  EXPECT_TRUE(VerifyOpening(tree.Root(), *tree.Open("input/0/content"), bytes));
  EXPECT_TRUE(VerifyOpening(tree.Root(), *tree.Open("output/0"), ""));
}

TEST(Commitment, ForgedOpeningsFail) {
  CommitmentTree tree = TreeOf(7);
  Commitment commitment = tree.Root();
  Opening good = *tree.Open("output/004");
  ASSERT_TRUE(VerifyOpening(commitment, good, "text 4"));
  auto fails = [&](auto change) {
    Opening opening = good;
    change(opening);
    return !VerifyOpening(commitment, opening, "text 4");
  };
  EXPECT_TRUE(fails([](Opening& o) { o.path = "output/005"; }));
  EXPECT_TRUE(fails([](Opening& o) { o.path = ""; }));
  EXPECT_TRUE(fails([](Opening& o) { o.path = std::string(70'000, 'a'); }));
  EXPECT_TRUE(fails([](Opening& o) { o.salt[31] ^= 1; }));
  EXPECT_TRUE(fails([](Opening& o) { o.index = 5; }));
  EXPECT_TRUE(fails([](Opening& o) { o.index = 7; }));
  EXPECT_TRUE(fails([](Opening& o) { o.index = UINT64_MAX; }));
  EXPECT_TRUE(fails([](Opening& o) { o.audit_path.pop_back(); }));
  EXPECT_TRUE(fails([](Opening& o) { o.audit_path.push_back({}); }));
  EXPECT_TRUE(fails([](Opening& o) { o.audit_path[1][0] ^= 1; }));
  commitment.items = 8;
  EXPECT_TRUE(fails([](Opening& o) { o.index = 3; }));
  commitment.items = -1;
  EXPECT_TRUE(fails([](Opening&) {}));
}

TEST(Commitment, UnknownPathIsNotFound) {
  EXPECT_EQ(TreeOf(3).Open("output/003").error().code, ErrorCode::kNotFound);
}

TEST(Commitment, PathsThatCannotBeAreBugs) {
  CommitmentTree tree(TestSecret());
  EXPECT_DEATH(tree.Add("", ""), "path");
  EXPECT_DEATH(tree.Add(std::string(kPathBytesMax + 1, 'a'), ""), "path");
  tree.Add(std::string(kPathBytesMax, 'a'), "");
  tree.Add("a", "1");
  tree.Add("a", "1");
  EXPECT_DEATH(tree.Root(), "two items");
}

}  // namespace
}  // namespace beleg::record
