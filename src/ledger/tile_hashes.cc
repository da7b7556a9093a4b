#include "ledger/tile_hashes.h"

#include "base/check.h"
#include "wire/sha256.h"

namespace beleg::ledger {

Hash32 HashAt(std::string_view hashes, uint64_t i) {
  CHECK(i < hashes.size() / kHashBytes, "the tile has the hash");
  return ToArray<kHashBytes>(hashes.substr(i * kHashBytes, kHashBytes)).value();
}

Hash32 PerfectRoot(std::string_view hashes, uint64_t first, uint64_t count) {
  if (count == 1) return HashAt(hashes, first);
  return wire::MerkleNodeHash(PerfectRoot(hashes, first, count / 2),
                              PerfectRoot(hashes, first + count / 2, count / 2));
}

}  // namespace beleg::ledger
