// Which paths of the store's API are about holds (docs/api/store.md).
#pragma once

#include <string_view>

namespace beleg::query {

bool IsHoldsPath(std::string_view path);       // /api/holds, /api/holds/NAME
bool IsHeldLeavesPath(std::string_view path);  // /mirror/ORIGIN HASH/holds

}  // namespace beleg::query
