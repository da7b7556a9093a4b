#include "store/fingerprint_set.h"

#include <gtest/gtest.h>

#include "store/seen_lately.h"

namespace beleg::store {
namespace {

Fingerprint Numbered(uint64_t number) { return FingerprintOf(std::to_string(number)); }

TEST(FingerprintSet, HoldsWhatWasInsertedAndNothingElse) {
  FingerprintSet set;
  EXPECT_FALSE(set.Contains(Numbered(0)));
  for (uint64_t i = 0; i < 5000; ++i) EXPECT_TRUE(set.Insert(Numbered(i)));
  for (uint64_t i = 0; i < 5000; ++i) EXPECT_FALSE(set.Insert(Numbered(i)));
  EXPECT_EQ(set.size(), 5000u);
  for (uint64_t i = 0; i < 10'000; ++i) EXPECT_EQ(set.Contains(Numbered(i)), i < 5000) << i;
}

TEST(FingerprintSet, EqualHashesStandBesideEachOther) {
  FingerprintSet set;
  Fingerprint first{1}, second{1};  // the hash is of the first bytes
  second.back() = 7;
  EXPECT_TRUE(set.Insert(first));
  EXPECT_FALSE(set.Contains(second));
  EXPECT_TRUE(set.Insert(second));
  EXPECT_TRUE(set.Contains(first));
  EXPECT_TRUE(set.Contains(second));
}

TEST(SeenLately, LastGenerationIsKnownAndWhatIsOlderThanTwoIsNot) {
  SeenLately seen(100);
  for (uint64_t i = 0; i < 1000; ++i) {
    seen.Add(Numbered(i));
    for (uint64_t back = 0; back < std::min<uint64_t>(i + 1, 100); ++back)
      EXPECT_TRUE(seen.Contains(Numbered(i - back)));
    EXPECT_FALSE(i >= 200 && seen.Contains(Numbered(i - 200)));
  }
}

}  // namespace
}  // namespace beleg::store
