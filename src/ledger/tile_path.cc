#include "ledger/tile_path.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::ledger {
namespace {

// Groups of three digits, all but the last with an x before them: 1234067 is x001/x234/067.
std::string NumberPath(uint64_t number) {
  std::string path = fmt::format("{:03}", number % 1000);
  while (number /= 1000) path = fmt::format("x{:03}/", number % 1000) + path;
  return path;
}

std::string FullPath(int level, uint64_t number) {
  CHECK(level >= kEntriesLevel && level <= kTileLevelMax, "a tile level is -1 to 63");
  return fmt::format("tile/{}/{}", level == kEntriesLevel ? "entries" : std::to_string(level),
                     NumberPath(number));
}

// The number of "x001/x234/067"; digits alone, the form is checked by making the path again.
std::optional<uint64_t> ParseNumber(std::string_view text) {
  std::string digits;
  for (char c : text)
    if (c != 'x' && c != '/') digits.push_back(c);
  auto number = ParseUint64(digits);
  if (!number) return std::nullopt;
  return *number;
}

}  // namespace

std::string TilePath(const TileId& tile) {
  CHECK(tile.width >= 1 && tile.width <= kTileWidth, "a tile is 1 to 256 wide");
  const std::string path = FullPath(tile.level, tile.number);
  return tile.width == kTileWidth ? path : fmt::format("{}.p/{}", path, tile.width);
}

std::string PartialFolder(int level, uint64_t number) { return FullPath(level, number) + ".p"; }

std::optional<TileId> ParseTilePath(std::string_view path) {
  constexpr size_t kPathBytesMax = 64;
  if (path.size() > kPathBytesMax || !path.starts_with("tile/")) return std::nullopt;
  std::string_view rest = path.substr(5);
  const size_t slash = rest.find('/');
  if (slash == rest.npos) return std::nullopt;
  TileId tile;
  if (rest.substr(0, slash) == "entries") {
    tile.level = kEntriesLevel;
  } else {
    auto level = ParseUint64(rest.substr(0, slash));
    if (!level || *level > kTileLevelMax) return std::nullopt;
    tile.level = static_cast<int>(*level);
  }
  rest.remove_prefix(slash + 1);
  if (const size_t partial = rest.find(".p/"); partial != rest.npos) {
    auto width = ParseUint64(rest.substr(partial + 3));
    if (!width || *width < 1 || *width >= kTileWidth) return std::nullopt;
    tile.width = *width;
    rest = rest.substr(0, partial);
  }
  auto number = ParseNumber(rest);
  if (!number) return std::nullopt;
  tile.number = *number;
  return TilePath(tile) == path ? std::optional(tile) : std::nullopt;  // one spelling each
}

}  // namespace beleg::ledger
