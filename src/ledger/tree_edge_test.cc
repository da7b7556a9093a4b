#include "ledger/tree_edge.h"

#include <bit>

#include <gtest/gtest.h>

#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

std::string Big16(uint64_t i) {
  std::string bytes;
  PutBig16(bytes, static_cast<uint16_t>(i));
  return bytes;
}

// RFC 6962 §2.1, word by word.
Hash32 RootOf(const std::vector<Hash32>& hashes, size_t first, size_t count) {
  if (count == 0) return wire::Sha256("");
  if (count == 1) return hashes[first];
  const size_t left = std::bit_floor(count - 1);
  return wire::MerkleNodeHash(RootOf(hashes, first, left), RootOf(hashes, first + left, count - left));
}

std::string Hex(const Hash32& hash) { return HexEncode(AsView(hash)); }

TEST(TreeEdge, GivesTheKnownRoots) {
  TreeEdge edge;
  std::vector<TileFile> full;
  EXPECT_EQ(Hex(edge.Root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Hex(wire::MerkleLeafHash("a")),
            "022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c");
  for (const char* entry : {"a", "b", "c"}) edge.Append(wire::MerkleLeafHash(entry), full);
  EXPECT_EQ(Hex(edge.Root()), "36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1");
  EXPECT_TRUE(full.empty());
}

TEST(TreeEdge, AFullTileIsTheKnownOneAndItsRootGoesUp) {
  TreeEdge edge;
  std::vector<TileFile> full;
  for (uint64_t i = 0; i < 256; ++i) edge.Append(wire::MerkleLeafHash(Big16(i)), full);
  ASSERT_EQ(full.size(), 1u);
  EXPECT_EQ(full[0].id, (TileId{.level = 0, .number = 0, .width = 256}));
  EXPECT_EQ(Hex(wire::Sha256(full[0].bytes)),
            "9e49076d1801028174bcf90fff1a270d962bfee444b3e82c356f21eeaefaf113");
  EXPECT_EQ(Hex(edge.Root()), "16284532241f522a3fba7a0ae0863cb456ad381219176c2d424516ac230e3110");
  ASSERT_EQ(edge.Partials().size(), 1u);
  EXPECT_EQ(TilePath(edge.Partials()[0].id), "tile/1/000.p/1");
  EXPECT_EQ(edge.Partials()[0].bytes, AsView(edge.Root()));
}

TEST(TreeEdge, LaysOutSeventyThousandLeavesAsC2spSays) {
  TreeEdge edge;
  std::vector<TileFile> full;
  std::vector<Hash32> hashes;
  for (uint64_t i = 0; i < 70'000; ++i) {
    hashes.push_back(wire::MerkleLeafHash(Big16(i)));
    edge.Append(hashes.back(), full);
  }
  std::vector<std::string> partials;
  for (const TileFile& tile : edge.Partials()) partials.push_back(TilePath(tile.id));
  EXPECT_EQ(partials, (std::vector<std::string>{"tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"}));
  EXPECT_EQ(full.size(), 273u + 1u);
  EXPECT_EQ(TilePath(full[272].id), "tile/0/271");  // number 255 of level 0 filled tile/1/000 just before it
  EXPECT_EQ(TilePath(full[256].id), "tile/1/000");
  EXPECT_EQ(edge.Root(), RootOf(hashes, 0, hashes.size()));
}

TEST(TreeEdge, EverySizeHasTheRootOfTheDefinition) {
  TreeEdge edge;
  std::vector<TileFile> full;
  std::vector<Hash32> hashes;
  for (uint64_t i = 0; i < 600; ++i) {
    EXPECT_EQ(edge.Root(), RootOf(hashes, 0, hashes.size())) << "size " << i;
    hashes.push_back(wire::MerkleLeafHash(Big16(i)));
    edge.Append(hashes.back(), full);
  }
}

TEST(TreeEdge, IsMadeAgainFromItsPartialTiles) {
  TreeEdge edge;
  std::vector<TileFile> full;
  for (uint64_t i = 0; i < 66'000; ++i) edge.Append(wire::MerkleLeafHash(Big16(i)), full);
  TreeEdge again(edge.size(),
                 {std::string(edge.Partial(0)), std::string(edge.Partial(1)), std::string(edge.Partial(2))});
  EXPECT_EQ(again.Root(), edge.Root());
  again.Append(wire::MerkleLeafHash("x"), full);
  edge.Append(wire::MerkleLeafHash("x"), full);
  EXPECT_EQ(again.Root(), edge.Root());
}

TEST(TilePath, IsReadBack) {
  for (const char* path :
       {"tile/0/000", "tile/0/x001/x234/067", "tile/entries/273.p/112", "tile/63/x001/000.p/255"}) {
    auto tile = ParseTilePath(path);
    ASSERT_TRUE(tile) << path;
    EXPECT_EQ(TilePath(*tile), path);
  }
  EXPECT_EQ(TilePath({.level = 0, .number = 1'234'067, .width = 256}), "tile/0/x001/x234/067");
}

TEST(TilePath, RefusesWhatC2spDoesNotName) {
  for (const char* path : {"",
                           "tile",
                           "tile/",
                           "tile/0",
                           "tile/0/",
                           "tile/0/1",
                           "tile/0/0000",
                           "tile/64/000",
                           "tile/-1/000",
                           "tile/00/000",
                           "tile/0/x000/001",
                           "tile/0/001/234",
                           "tile/0/000.p/0",
                           "tile/0/000.p/256",
                           "tile/0/000.p/01",
                           "tile/0/000.p",
                           "tile/0/../000",
                           "tile/0/000/",
                           "/tile/0/000",
                           "tile/entries/00x",
                           "tile/0/x999/x999/x999/x999/x999/x999/x999/999"})
    EXPECT_FALSE(ParseTilePath(path)) << path;
}

}  // namespace
}  // namespace beleg::ledger
