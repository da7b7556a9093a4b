// CHECK ends the process on a bug of ours. It is never used on input: what an operator, a client or a disk can
// cause is a Result (base/result.h). Always compiled in; DCHECK is for hot loops and vanishes under NDEBUG.
#pragma once

#include <string_view>

namespace beleg {

// Prints file, line, condition and why to stderr, then aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition, std::string_view why);

}  // namespace beleg

#define CHECK(condition, why) \
  ((condition) ? static_cast<void>(0) : ::beleg::CheckFailed(__FILE__, __LINE__, #condition, why))

#ifdef NDEBUG
#define DCHECK(condition, why) static_cast<void>(0)
#else
#define DCHECK(condition, why) CHECK(condition, why)
#endif
