#include "base/clock.h"

#include <chrono>

namespace beleg {
namespace {

template <class AnyClock>
int64_t MicrosOf() {
  return std::chrono::duration_cast<std::chrono::microseconds>(AnyClock::now().time_since_epoch()).count();
}

}  // namespace

int64_t SystemClock::UnixMicros() const { return MicrosOf<std::chrono::system_clock>(); }
int64_t SystemClock::MonoMicros() const { return MicrosOf<std::chrono::steady_clock>(); }

}  // namespace beleg
