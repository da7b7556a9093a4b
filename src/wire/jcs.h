// The canonical form of JSON (RFC 8785, JCS): the same value is the same bytes, whoever writes it.
//
// Members sorted by the UTF-16 code units of their names, no white space, strings with the fewest escapes, numbers as
// ECMAScript prints them. RFC 8785 knows only doubles: a whole number beyond 2^53 loses its low digits here as it would
// in any other implementation, so keep numbers within.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/json.h"

namespace beleg::wire {

// CHECK: no NaN, no infinity (Json::Parse never gives one).
std::string Canonicalize(const Json& value);

// Parses text that must already be canonical. kInvalidArgument: no JSON, or not byte-equal to its canonical form; says
// at which byte they part.
Result<Json> ParseCanonical(std::string_view text);

}  // namespace beleg::wire
