#include "index/id_index.h"

#include <algorithm>
#include <array>

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "io/durable.h"
#include "io/testing.h"

namespace beleg::index {
namespace {

using Id16 = std::array<uint8_t, 16>;

Result<std::unique_ptr<IdIndex>> Reopen(const io::TempFolder& folder, std::string_view bytes) {
  EXPECT_TRUE(io::WriteFileDurably(io::PosixFileSystem(), folder / "ids", bytes));
  return IdIndex::Open(io::PosixFileSystem(), folder / "ids");
}

std::vector<Id16> RandomIds(uint64_t seed, size_t count) {
  SeededRng rng(seed);
  std::vector<Id16> ids(count);
  for (Id16& id : ids) id = rng.Draw<Id16>();
  return ids;
}

std::string BuildOf(const std::vector<Id16>& ids) {
  IdIndexBuilder builder;
  for (uint32_t row = 0; row < ids.size(); ++row) builder.Add(AsView(ids[row]), row);
  return builder.Build();
}

TEST(IdIndex, FindsEveryIdAtItsRow) {
  io::TempFolder folder;
  for (size_t count : {1, 2, 127, 129, 1000, 70'000}) {
    auto ids = RandomIds(count, count);
    auto index = Reopen(folder, BuildOf(ids));
    ASSERT_TRUE(index) << index.error().message;
    EXPECT_EQ((*index)->size(), count);
    for (uint32_t row = 0; row < count; ++row) {
      auto rows = (*index)->Find(AsView(ids[row]));
      ASSERT_TRUE(rows);
      ASSERT_TRUE(std::ranges::find(*rows, row) != rows->end()) << "row " << row << " of " << count;
    }
  }
}

TEST(IdIndex, FindsTimeOrderedIdsAsWell) {
  io::TempFolder folder;
  std::vector<Id16> ids;
  for (uint32_t i = 0; i < 50'000; ++i) {
    std::string bytes(8, '\x17');
    PutBig64(bytes, i);
    ids.push_back(ToArray<16>(bytes).value());
  }
  auto index = Reopen(folder, BuildOf(ids)).value();
  size_t candidates = 0;
  for (const Id16& id : ids) candidates += index->Find(AsView(id)).value().size();
  EXPECT_LE(candidates, ids.size() + 5) << "ids that look alike share fingerprints";
}

TEST(IdIndex, GivesAllRowsOfAnIdInOrder) {
  io::TempFolder folder;
  auto id = RandomIds(1, 1)[0];
  IdIndexBuilder builder;
  for (uint32_t row : {900'000u, 7u, 4'000'000'000u}) builder.Add(AsView(id), row);
  auto index = Reopen(folder, builder.Build()).value();
  EXPECT_EQ(index->Find(AsView(id)).value(), (std::vector<uint32_t>{7, 900'000, 4'000'000'000}));
}

TEST(IdIndex, RarelyNamesARowForAStranger) {
  io::TempFolder folder;
  auto index = Reopen(folder, BuildOf(RandomIds(1, 65'536))).value();
  size_t candidates = 0;
  for (const Id16& stranger : RandomIds(2, 20'000))
    candidates += index->Find(AsView(stranger)).value().size();
  EXPECT_LE(candidates, 2u);
}

TEST(IdIndex, TakesFiveBytesAnId) {
  const size_t count = 65'536;
  EXPECT_LT(static_cast<double>(BuildOf(RandomIds(1, count)).size()), 5.1 * static_cast<double>(count));
}

TEST(IdIndex, AnEmptyOneFindsNothing) {
  io::TempFolder folder;
  auto index = Reopen(folder, IdIndexBuilder().Build());
  ASSERT_TRUE(index) << index.error().message;
  EXPECT_EQ((*index)->size(), 0u);
  EXPECT_TRUE((*index)->Find(AsView(RandomIds(1, 1)[0])).value().empty());
}

TEST(IdIndex, BytesStandAsDocumented) {  // docs/formats/id_index.md
  IdIndexBuilder builder;
  builder.Add("0123456789abcdef", 5);
  EXPECT_EQ(HexEncode(builder.Build()),
            "42454c454749445801000000"
            "0003"
            "0000"
            "01000000"
            "413b492f"
            "00000000"
            "c74b6748"
            "c5f1affbcc"
            "bdfbb29b");
}

TEST(IdIndex, EveryDamagedByteIsNoticed) {
  io::TempFolder folder;
  auto ids = RandomIds(3, 300);
  const std::string good = BuildOf(ids);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    auto index = Reopen(folder, bad);
    bool noticed = !index;
    for (size_t i = 0; !noticed && i < ids.size(); ++i) noticed = !(*index)->Find(AsView(ids[i]));
    EXPECT_TRUE(noticed) << "byte " << at;
  }
}

TEST(IdIndex, ACutFileIsDataLoss) {
  io::TempFolder folder;
  std::string bytes = BuildOf(RandomIds(3, 300));
  bytes.pop_back();
  EXPECT_EQ(Reopen(folder, bytes).error().code, ErrorCode::kDataLoss);
  EXPECT_EQ(Reopen(folder, "short").error().code, ErrorCode::kDataLoss);
}

TEST(IdIndex, ANewerVersionIsRefused) {
  io::TempFolder folder;
  std::string bytes = IdIndexBuilder().Build();
  bytes[8] = 2;
  EXPECT_EQ(Reopen(folder, bytes).error().code, ErrorCode::kUnimplemented);
}

}  // namespace
}  // namespace beleg::index
