// ${env:X}, ${X}, ${env:X:-default} and $$ in the values of a configuration, as the Collector expands them.
//
// - A value that is one ${…} and nothing else takes the type that the variable's text has in YAML (quoted or not); inside a
//   longer text it stays text. Defaults and names may hold ${…} again; a variable's value is not expanded again.
// - Set but empty is empty, not the default. $NAME without braces is text (a warning says so).
// - A variable that is not set and has no default is an error that names it: the Collector runs on with an empty value, and
//   the error that follows, if any, names something else. ${env:X:-} says that it may be empty.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "collector/config/problems.h"

namespace beleg::collector {

using Environment = std::function<std::optional<std::string>(std::string_view name)>;

Environment ProcessEnvironment();

// Expands every scalar value below root, keys not.
void ExpandEnvironment(wire::Yaml& root, const Environment& environment, Problems& problems);

}  // namespace beleg::collector
