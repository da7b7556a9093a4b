#include "bundle/entry_bundle.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace beleg::bundle {
namespace {

TEST(EntryBundle, BytesAreTheKnownOnes) {
  std::string bundle;
  for (const char* entry : {"a", "b", "c"}) AppendEntry(bundle, entry);
  EXPECT_EQ(HexEncode(bundle), "000161000162000163");
  EXPECT_EQ(SplitEntries(bundle).value(), (std::vector<std::string>{"a", "b", "c"}));
}

TEST(EntryBundle, ACutOneIsDataLoss) {
  std::string bundle;
  AppendEntry(bundle, "abc");
  for (size_t size = 1; size < bundle.size(); ++size)
    EXPECT_EQ(SplitEntries(bundle.substr(0, size)).error().code, ErrorCode::kDataLoss) << size;
}

}  // namespace
}  // namespace beleg::bundle
