// The one piece of tree arithmetic that tiles and fsck share: subtrees of a row of hashes.
#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace beleg::verify {

// Hash i of a row of hashes put together (a tile's bytes).
Hash32 HashAt(std::string_view row, size_t i);

// The roots of the largest complete subtrees over a row, left to right: one for each 1 in the row's length. A row of 2^k
// hashes gives its one root.
std::vector<Hash32> SubtreeRoots(std::string_view row);

// The root of subtrees of falling size: H(r0, H(r1, … rn)). SHA-256("") when there are none.
Hash32 JoinSubtrees(const std::vector<Hash32>& roots);

}  // namespace beleg::verify
