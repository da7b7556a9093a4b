// Which source this binary was built from.
#pragma once

#include <string_view>

namespace beleg::app {

// Git's short name of the commit, "-dirty" after it when files had been changed; "unknown" when there was no git.
std::string_view BuildCommit();

}  // namespace beleg::app
