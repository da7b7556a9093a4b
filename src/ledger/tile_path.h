// Names of the log's files below public/ (C2SP tlog-tiles).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace beleg::ledger {

constexpr uint64_t kTileWidth = 256;
constexpr int kTileLevelMax = 63;
constexpr int kEntriesLevel = -1;  // the entry bundles, which have no level of their own in the tree

// width 1..256; 256 is the full tile.
struct TileId {
  int level = 0;
  uint64_t number = 0;
  uint64_t width = kTileWidth;
  bool operator==(const TileId&) const = default;
};

// "tile/0/x001/x234/067", "tile/entries/000.p/17".
std::string TilePath(const TileId& tile);
// "tile/0/x001/x234/067.p": the folder of a tile's partial forms.
std::string PartialFolder(int level, uint64_t number);
// nullopt when the path is none that TilePath makes.
std::optional<TileId> ParseTilePath(std::string_view path);

}  // namespace beleg::ledger
