#include "serve/traceparent.h"

#include <algorithm>

#include <fmt/format.h>

namespace beleg::serve {

std::optional<TraceParent> ParseTraceParent(std::string_view header) {
  constexpr size_t kLength = 55;  // 2-32-16-2 with three dashes
  if (header.size() < kLength || header[2] != '-' || header[35] != '-' || header[52] != '-')
    return std::nullopt;
  std::string_view version = header.substr(0, 2);
  if (version == "ff" || (version == "00" && header.size() != kLength)) return std::nullopt;
  if (header.size() > kLength && header[kLength] != '-') return std::nullopt;
  auto lower_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-'; };
  if (!std::ranges::all_of(header.substr(0, kLength), lower_hex)) return std::nullopt;
  auto trace_id = TraceId::FromHex(header.substr(3, 32));
  auto span_id = SpanId::FromHex(header.substr(36, 16));
  auto flags = HexDecode(header.substr(53, 2));
  if (!trace_id || !span_id || !flags || !HexDecode(version) || trace_id->IsZero() || span_id->IsZero())
    return std::nullopt;
  return TraceParent{*trace_id, *span_id, ((*flags)[0] & 1) != 0};
}

std::string FormatTraceParent(const TraceParent& parent) {
  return fmt::format("00-{}-{}-{}", parent.trace_id.Hex(), parent.parent_span_id.Hex(),
                     parent.sampled ? "01" : "00");
}

}  // namespace beleg::serve
