// The hashes of a tile, as they stand in its file: 32 bytes each, put together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "ledger/tile_path.h"

namespace beleg::ledger {

constexpr size_t kHashBytes = 32;
constexpr size_t kTileBytes = kTileWidth * kHashBytes;

// CHECK: the i-th is there.
Hash32 HashAt(std::string_view hashes, uint64_t i);
// The root of the perfect subtree over count hashes from number first on; count is a power of two.
Hash32 PerfectRoot(std::string_view hashes, uint64_t first, uint64_t count);

}  // namespace beleg::ledger
