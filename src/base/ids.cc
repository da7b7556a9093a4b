#include "base/ids.h"

namespace beleg {

TraceId NewTraceId(const Clock& clock, Rng& rng) {
  TraceId id = {rng.Draw<std::array<uint8_t, 16>>()};
  int64_t unix_ms = clock.UnixMicros() / 1000;
  for (int i = 0; i < 6; ++i)
    id.bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(unix_ms >> (40 - 8 * i));
  return id;
}

}  // namespace beleg
