// The configuration of the collector that `up` starts when it is given none.
#pragma once

#include <string_view>

namespace beleg::app {

// YAML. Ports, region and environment come in by the variables that it names, each with its usual value as default, so the
// text is the same wherever it runs.
extern const std::string_view kDefaultCollectorConfig;

}  // namespace beleg::app
