#include "bundle/entry_bundle.h"

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::bundle {

void AppendEntry(std::string& bundle, std::string_view leaf) {
  CHECK(!leaf.empty() && leaf.size() <= kLeafBytesMax, "a leaf has 1 to 65,535 bytes");
  PutBig16(bundle, static_cast<uint16_t>(leaf.size()));
  bundle += leaf;
}

Result<std::vector<std::string>> SplitEntries(std::string_view bundle) {
  std::vector<std::string> leaves;
  for (size_t at = 0; at < bundle.size();) {
    if (bundle.size() - at < 2 || bundle.size() - at - 2 < GetBig16(bundle.data() + at))
      return Fail(ErrorCode::kDataLoss, "entry at byte {}: cut off", at);
    const size_t size = GetBig16(bundle.data() + at);
    leaves.emplace_back(bundle.substr(at + 2, size));
    at += 2 + size;
  }
  return leaves;
}

}  // namespace beleg::bundle
