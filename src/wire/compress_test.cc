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
class CompressInMembers : public testing::TestWithParam<Format> {};

TEST_P(Compress, WhatWentInComesOut) {
  for (size_t size : {0, 1, 100, 65536, 65537, 1000000})
    for (const std::string& bytes : {std::string(size, 'a'), Noise(size)}) {
      auto back = GetParam().decompress(GetParam().compress(bytes, 1), size);
      ASSERT_TRUE(back) << back.error().message;
      EXPECT_EQ(*back, bytes);
    }
}

TEST_P(CompressInMembers, ThatFollowOneAnotherAreJoined) {
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
}

TEST_P(CompressInMembers, TheLimitIsOverAllTogether) {
  std::string small = GetParam().compress(std::string(1000, 'x'), 1), many;
  for (int i = 0; i < 100; ++i) many += small;
  EXPECT_EQ(GetParam().decompress(many, 99999).error().code, ErrorCode::kResourceExhausted);
}

// The size that a gzip file ends with is a hint, and may lie either way.
TEST(Gzip, ASizeThatLiesIsFoundOut) {
  std::string packed = GzipCompress(std::string(100'000, 'x'));
  for (char last : {'\0', '\x7f'}) {
    packed.back() = last;
    packed[packed.size() - 2] = last;
    EXPECT_EQ(GzipDecompress(packed, 1 << 20).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Gzip, AMemberAfterASmallerOneStillFits) {
  std::string both = GzipCompress(std::string(3 << 20, 'x')) + GzipCompress("y");
  auto back = GzipDecompress(both, 4 << 20);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->size(), (3u << 20) + 1);
}

TEST_P(Compress, EveryCutIsSeen) {
  std::string packed = GetParam().compress("some text, some text, some other text", 1);
  for (size_t size = 0; size < packed.size(); ++size) {
    auto back = GetParam().decompress(packed.substr(0, size), 1000);
    ASSERT_FALSE(back) << size;
    EXPECT_EQ(back.error().code, ErrorCode::kInvalidArgument);
  }
  EXPECT_THAT(GetParam().decompress(packed.substr(0, packed.size() - 1), 1000).error().message,
              HasSubstr("cut short"));
}

TEST_P(Compress, TrailingBytesAndOtherFormatsAreRefused) {
  std::string packed = GetParam().compress("text", 1);
  for (const std::string& bytes :
       {packed + "x", packed + std::string(20, '\0'), std::string("plain text, plain text")})
    EXPECT_EQ(GetParam().decompress(bytes, 1000).error().code, ErrorCode::kInvalidArgument);
}

std::string SnappyAtAnyLevel(std::string_view bytes, int) { return SnappyCompress(bytes); }
std::string NameOf(const testing::TestParamInfo<Format>& format) { return format.param.name; }

constexpr Format kGzip{"Gzip", GzipCompress, GzipDecompress}, kZlib{"Zlib", ZlibCompress, ZlibDecompress},
    kZstd{"Zstd", ZstdCompress, ZstdDecompress}, kSnappy{"Snappy", SnappyAtAnyLevel, SnappyDecompress};
INSTANTIATE_TEST_SUITE_P(Formats, Compress, testing::Values(kGzip, kZlib, kZstd, kSnappy), NameOf);
INSTANTIATE_TEST_SUITE_P(Formats, CompressInMembers, testing::Values(kGzip, kZstd), NameOf);

// A stream whose chunks are given as type and body, with the identifier before them.
std::string Framed(std::vector<std::pair<int, std::string>> chunks) {
  chunks.insert(chunks.begin(), {0xff, "sNaPpY"});
  std::string out;
  for (const auto& [type, body] : chunks) {
    PutLittle32(out, static_cast<uint32_t>(body.size() << 8 | static_cast<size_t>(type)));
    out += body;
  }
  return out;
}

// As the format says: rotated by 15, and a constant added.
std::string Checksum(std::string_view plain) {
  uint32_t crc = Crc32c(plain);
  std::string out;
  PutLittle32(out, ((crc >> 15) | (crc << 17)) + 0xa282ead8);
  return out;
}

TEST(SnappyFrames, ReadsWhatAnotherLibraryWrote) {  // cramjam 2.14 (Rust's snap) by python-snappy 0.7.3
  auto frames = HexDecode("ff060000734e6150705900100000165c68a21a1868656c6c6f2c204a0700");
  EXPECT_EQ(*SnappyUnframe(*frames, 26), "hello, hello, hello, hello");
  EXPECT_EQ(*SnappyDecompress(*HexDecode("1a1868656c6c6f2c204a0700"), 26), "hello, hello, hello, hello");
}

TEST(SnappyFrames, ChunksAreJoinedAndPaddingIsSkipped) {
  std::string zeros(65'536, '\0');
  std::string framed = Framed({{0, Checksum("abc") + SnappyCompress("abc")},
                               {0xfe, "padding"},
                               {1, Checksum("def") + "def"},
                               {0, Checksum(zeros) + SnappyCompress(zeros)}});
  EXPECT_EQ(*SnappyUnframe(framed, 65'542), "abcdef" + zeros);
  EXPECT_EQ(SnappyUnframe(framed, 65'541).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(*SnappyUnframe(Framed({}), 0), "");
}

TEST(SnappyFrames, DamageIsSeen) {
  std::string large(65'537, 'x');
  for (const std::string& bytes :
       {std::string(), std::string("plain"), Framed({{1, Checksum("a") + "b"}}), Framed({{1, "abc"}}),
        Framed({{0, Checksum("a") + "a"}}), Framed({{2, "unknown"}}), Framed({{0xff, "sNaPpX"}}),
        Framed({{1, Checksum("a") + "a"}}).substr(10),
        Framed({{0, Checksum(large) + SnappyCompress(large)}})})
    EXPECT_FALSE(SnappyUnframe(bytes, 1 << 20)) << bytes.substr(0, 40);
  std::string whole = Framed({{1, Checksum("text") + "text"}});
  for (size_t size = 0; size < whole.size(); ++size) {
    auto cut = SnappyUnframe(whole.substr(0, size), 100);
    EXPECT_EQ(cut.has_value(), size == 10) << size;  // between chunks nothing tells of a next one
  }
}

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
