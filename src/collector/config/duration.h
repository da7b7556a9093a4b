// Durations as Go writes them: "1h30m", "200ms", "1.5s", "0".
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace beleg::collector {

// kInvalidArgument: no duration, negative, or longer than 100 years. A number without a unit is refused: the Collector takes it
// for nanoseconds, which nobody ever means. Below a microsecond is rounded down.
Result<std::chrono::microseconds> ParseDuration(std::string_view text);

// "1h30m0s", "200ms".
std::string FormatDuration(std::chrono::microseconds duration);

}  // namespace beleg::collector
