#include "io/sparse_bytes.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "base/rng.h"

namespace beleg::io {
namespace {

TEST(SparseBytes, IsAsAStringThatIsWrittenCutAndGrown) {
  SeededRng rng(1);
  const auto below = [&rng](uint64_t limit) { return rng.Next() % limit; };
  for (int round = 0; round < 200; ++round) {
    SparseBytes bytes;
    std::string want;
    for (int step = 0; step < 20; ++step) {
      const uint64_t offset = below(100), size = below(100);
      const std::string piece(below(60), below(2) == 0 ? '\0' : 'x');
      switch (below(3)) {
        case 0:
          bytes.Resize(size);
          want.resize(size);
          break;
        case 1:
          bytes.Write(offset, piece);
          want.resize(std::max(want.size(), offset + piece.size()));
          want.replace(offset, piece.size(), piece);
          break;
        case 2:
          bytes.Write(offset, SparseBytes(piece + "y" + std::string(size, '\0')).Part(1, size));
          want.resize(std::max(want.size(), offset + std::min(size, piece.size() + size)));
          want.replace(offset, std::min(size, piece.size() + size),
                       (piece + "y" + std::string(size, '\0')).substr(1, size));
          break;
      }
      ASSERT_EQ(bytes.size(), want.size());
      ASSERT_EQ(bytes.Read(0, SIZE_MAX), want);
      ASSERT_EQ(bytes.Read(offset, size), want.substr(std::min(want.size(), offset), size));
      ASSERT_EQ(bytes, SparseBytes(want));
    }
  }
}

TEST(SparseBytes, DifferInSizeOrAnyByte) {
  const SparseBytes bytes("ab");
  SparseBytes longer = bytes;
  longer.Resize(3);
  EXPECT_NE(bytes, longer);
  EXPECT_EQ(SparseBytes(std::string_view("ab\0", 3)), longer);
  EXPECT_NE(SparseBytes("abc"), longer);
  EXPECT_NE(SparseBytes("ac"), bytes);
}

}  // namespace
}  // namespace beleg::io
