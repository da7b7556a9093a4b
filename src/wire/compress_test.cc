#include "wire/compress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/rng.h"

namespace beleg::wire {
namespace {

using ::testing::HasSubstr;

struct Format {
  const char* name;
  std::string (*compress)(std::string_view, int);
  Result<std::string> (*decompress)(std::string_view, size_t);
};

std::string Noise(size_t size) {
  std::string out(size, '\0');
  SeededRng(size).Fill(out.data(), size);
  return out;
}

class Compress : public testing::TestWithParam<Format> {};

TEST_P(Compress, WhatWentInComesOut) {
  for (size_t size : {0, 1, 100, 65536, 65537, 1000000})
    for (const std::string& bytes : {std::string(size, 'a'), Noise(size)}) {
      auto back = GetParam().decompress(GetParam().compress(bytes, 1), size);
      ASSERT_TRUE(back) << back.error().message;
      EXPECT_EQ(*back, bytes);
    }
}

TEST_P(Compress, MembersThatFollowOneAnotherAreJoined) {
  auto both =
      GetParam().compress("first ", 1) + GetParam().compress("", 1) + GetParam().compress("second", 1);
  EXPECT_EQ(*GetParam().decompress(both, 100), "first second");
}

TEST_P(Compress, TheLimitIsExact) {
  for (size_t size : {1, 65535, 65536, 65537, 300000}) {
    std::string packed = GetParam().compress(std::string(size, 'x'), 1);
    EXPECT_TRUE(GetParam().decompress(packed, size));
    EXPECT_EQ(GetParam().decompress(packed, size - 1).error().code, ErrorCode::kResourceExhausted);
  }
}

TEST_P(Compress, ABombIsStoppedAtTheLimit) {
  std::string bomb = GetParam().compress(std::string(20 << 20, '\0'), 9);
  EXPECT_LT(bomb.size(), 1u << 20);
  EXPECT_EQ(GetParam().decompress(bomb, 1000).error().code, ErrorCode::kResourceExhausted);
  // The limit is over all members together.
  std::string small = GetParam().compress(std::string(1000, 'x'), 1), many;
  for (int i = 0; i < 100; ++i) many += small;
  EXPECT_EQ(GetParam().decompress(many, 99999).error().code, ErrorCode::kResourceExhausted);
}

TEST_P(Compress, EveryCutIsSeen) {
  std::string packed = GetParam().compress("some text, some text, some other text", 1);
  for (size_t size = 0; size < packed.size(); ++size) {
    auto back = GetParam().decompress(packed.substr(0, size), 1000);
    ASSERT_FALSE(back) << size;
    EXPECT_EQ(back.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(GetParam().decompress(packed.substr(0, packed.size() - 1), 1000).error().message,
              HasSubstr(fmt::format("cut short after byte {}", packed.size() - 1)));
}

TEST_P(Compress, TrailingBytesAndOtherFormatsAreRefused) {
  std::string packed = GetParam().compress("text", 1);
  for (const std::string& bytes :
       {packed + "x", packed + std::string(20, '\0'), std::string("plain text, plain text")})
    EXPECT_EQ(GetParam().decompress(bytes, 1000).error().code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Formats, Compress,
                         testing::Values(Format{"Gzip", GzipCompress, GzipDecompress},
                                         Format{"Zstd", ZstdCompress, ZstdDecompress}),
                         [](const auto& format) { return format.param.name; });

TEST(Gzip, ReadsWhatGzipWrote) {  // printf hello | gzip -n
  std::string hex = "1f8b0800000000000003cb48cdc9c9070086a6103605000000";
  EXPECT_EQ(*GzipDecompress(*HexDecode(hex), 5), "hello");
  std::string damaged = *HexDecode(hex);
  damaged[damaged.size() - 6] ^= 1;  // its CRC
  EXPECT_EQ(GzipDecompress(damaged, 5).error().code, ErrorCode::kInvalidArgument);
}

TEST(Zstd, AWindowLargerThanTheLimitIsRefusedBeforeItIsHeld) {
  // A frame that declares a window of 512 MB (RFC 8878 §3.1.1.1.2) and holds one empty last block.
  auto frame = HexDecode(
      "28b52ffd"
      "00"
      "98"
      "010000");
  EXPECT_EQ(ZstdDecompress(*frame, 1 << 20).error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace beleg::wire
