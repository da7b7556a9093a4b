// Entry bundles (C2SP tlog-tiles): up to 256 leaves, each as uint16 big-endian length and its bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace beleg::bundle {

constexpr uint64_t kBundleLeaves = 256;
constexpr size_t kLeafBytesMax = 65'535;
constexpr size_t kBundleBytesMax = kBundleLeaves * (2 + kLeafBytesMax);

// CHECK: 1..65,535 bytes.
void AppendEntry(std::string& bundle, std::string_view leaf);
// kDataLoss names the byte where it ends wrongly.
Result<std::vector<std::string>> SplitEntries(std::string_view bundle);

}  // namespace beleg::bundle
