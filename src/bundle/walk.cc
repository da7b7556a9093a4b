#include "bundle/walk.h"

#include <algorithm>

#include "base/bytes.h"
#include "bundle/stored.h"

namespace beleg::bundle {
namespace {

constexpr uint64_t kFolderNumberMax = 1'000'000'000'000;  // no log has more, and numbers stay in 64 bits

// Three digits.
std::optional<uint64_t> GroupOf(std::string_view text) {
  auto number = ParseUint64(text);
  if (text.size() != 3 || !number) return std::nullopt;
  return *number;
}

}  // namespace

Result<std::optional<Walk::Item>> Walk::Next() {
  for (;;) {
    while (names_.empty()) {
      if (folders_.empty()) return std::optional<Item>();
      TRY(Enter());
    }
    const std::string name = std::move(names_.front());
    names_.pop_front();
    if (auto item = Take(name)) return item;
  }
}

Result<void> Walk::Enter() {
  here_ = std::move(folders_.front());
  folders_.pop_front();
  auto names = fs_.List(here_.path);
  if (!names && names.error().code == ErrorCode::kNotFound) return {};
  if (!names) return std::unexpected<Error>(std::move(names).error());
  names_.assign(names->begin(), names->end());
  return {};
}

// nullopt: a folder, which is entered later, or another file.
std::optional<Walk::Item> Walk::Take(const std::string& name) {
  std::string_view group = name;
  if (group.starts_with('x')) {
    auto number = GroupOf(group.substr(1));
    if (number && here_.number < kFolderNumberMax)
      folders_.push_back({here_.path + "/" + name, here_.prefix + name + "/", here_.number * 1000 + *number});
    return std::nullopt;
  }
  const bool is_compressed = group.ends_with(kCompressedSuffix);
  if (is_compressed) group.remove_suffix(kCompressedSuffix.size());
  auto number = GroupOf(group);
  if (!number) return std::nullopt;
  return Item{here_.number * 1000 + *number, here_.prefix + std::string(group), is_compressed};
}

}  // namespace beleg::bundle
