// Ids as fixed bytes with a hexadecimal text form.
#pragma once

#include <array>
#include <compare>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/rng.h"

namespace beleg {

// An id of N bytes. Tag keeps ids of one size but different meaning apart.
template <size_t N, class Tag>
struct Id {
  std::array<uint8_t, N> bytes{};

  std::string Hex() const { return HexEncode(AsView(bytes)); }
  std::string_view view() const { return AsView(bytes); }
  bool IsZero() const { return *this == Id{}; }
  auto operator<=>(const Id&) const = default;

  // kInvalidArgument unless hex is exactly 2·N hexadecimal digits.
  static Result<Id> FromHex(std::string_view hex) {
    TRY_ASSIGN(std::string raw, HexDecode(hex));
    TRY_ASSIGN(auto array, ToArray<N>(raw));
    return Id{array};
  }
};

using TraceId = Id<16, struct TraceTag>;  // W3C trace context
using SpanId = Id<8, struct SpanTag>;     // W3C trace context
using RequestId =
    Id<16, struct RequestTag>;         // ours: derived from boot, seq and trace id (record/request_id.h)
using BootId = Id<8, struct BootTag>;  // random, one a start of the server

// A new trace id: 6 bytes of unix milliseconds, then 10 random bytes (as UUIDv7 does), so that ids sort by time and
// an index over them stays local.
TraceId NewTraceId(const Clock& clock, Rng& rng);

}  // namespace beleg
