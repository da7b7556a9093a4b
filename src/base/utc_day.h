// Days of UTC as people write them: "2026-11-24".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace beleg {

// nullopt: not of this form, or no day of the calendar.
std::optional<std::chrono::sys_days> ParseUtcDay(std::string_view text);
std::string FormatUtcDay(std::chrono::sys_days day);

}  // namespace beleg
