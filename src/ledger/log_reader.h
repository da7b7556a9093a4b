// Reads the published log: leaves out of entry bundles, hashes out of tiles, proofs.
//
// Errors:  kDataLoss names the file whose bytes are not what was signed: a bundle is checked against its tile, a proof against
//          the root, before either is given away.
// Threads: any.
// Cost:    one file read for 256 leaves (a few bundles are kept), up to three tile reads a proof (kept as well).
// Source:  RFC 6962 §2.1.1, C2SP tlog-tiles, tlog-proof.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.h"
#include "ledger/ledger.h"
#include "ledger/lru_cache.h"
#include "ledger/publisher.h"

namespace beleg::ledger {

class LogReader {
 public:
  LogReader(io::FileSystem& fs, std::string folder) : fs_(fs), folder_(std::move(folder)) {}

  // Leaves [first, …) of the full bundle that holds first, at most count_max, cut at bytes_max but at least one.
  Result<std::vector<Leaf>> ReadFullBundle(uint64_t first, size_t count_max, size_t bytes_max);
  // The audit path of a leaf, index < published.size().
  Result<std::vector<Hash32>> InclusionPath(const Published& published, uint64_t index,
                                            const Hash32& leaf_hash);
  Result<Hash32> LeafHash(const Published& published, uint64_t index);
  // Of the first so many leaves, as the tiles have it; at most published.size().
  Result<Hash32> RootAt(const Published& published, uint64_t size);
  // kNotFound; kInvalidArgument when it is no path of a tile.
  Result<Resource> ReadTileResource(std::string_view path);

 private:
  using Leaves = std::vector<std::string>;
  Result<std::shared_ptr<const Leaves>> Bundle(uint64_t number);
  Result<std::shared_ptr<const std::string>> FullTile(int level, uint64_t number);
  // Root of count hashes, a power of two, from number first on at a level.
  Result<Hash32> TileRoot(const Published& published, int level, uint64_t first, uint64_t count);
  // Root of the leaves [first, end).
  Result<Hash32> RangeRoot(const Published& published, uint64_t first, uint64_t end);
  std::string PathOf(const TileId& tile) const { return folder_ + "/" + TilePath(tile); }

  io::FileSystem& fs_;
  const std::string folder_;
  LruCache<uint64_t, Leaves> bundles_{8};
  LruCache<std::pair<int, uint64_t>, std::string> tiles_{64};
};

}  // namespace beleg::ledger
