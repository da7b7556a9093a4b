#include "engine/llama/largest.h"

#include <vector>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace beleg::engine {
namespace {

TEST(IndexOfLargest, FindsItInEveryPlace) {
  for (int32_t size : {1, 2, 511, 512, 513, 1024, 1500}) {
    for (int32_t at = 0; at < size; ++at) {
      std::vector<float> values(static_cast<size_t>(size), -2.5f);
      values[static_cast<size_t>(at)] = -1.0f;
      ASSERT_EQ(IndexOfLargest(values.data(), size), at) << size;
    }
  }
}

TEST(IndexOfLargest, FirstOfEqualsWins) {
  std::vector<float> values(2000, 1.0f);
  EXPECT_EQ(IndexOfLargest(values.data(), 2000), 0);
  values[700] = values[701] = values[1600] = values[1999] = 2.0f;
  EXPECT_EQ(IndexOfLargest(values.data(), 2000), 700);
}

TEST(IndexOfLargest, AgreesWithTheLibrary) {
  SeededRng rng(5);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> values(1 + rng.Next() % 3000);
    for (float& value : values) value = static_cast<float>(rng.Next() % 1000) - 500;
    auto wanted = std::max_element(values.begin(), values.end()) - values.begin();
    EXPECT_EQ(IndexOfLargest(values.data(), static_cast<int32_t>(values.size())), wanted);
  }
}

}  // namespace
}  // namespace beleg::engine
