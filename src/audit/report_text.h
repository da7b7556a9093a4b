// Pieces of the text that audit commands print.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire/json.h"

namespace beleg::audit {

// JSON over several lines, as Python's json.dumps(indent=N) writes it.
std::string PrettyJson(const wire::Json& json, int indent);

// Foreign text made fit for one line of a terminal: control characters (ASCII, and C1 in UTF-8) become spaces.
std::string OneLine(std::string_view text);

// "2026-06-04T09:30:00.123456Z".
std::string FormatUtc(int64_t unix_us);

}  // namespace beleg::audit
