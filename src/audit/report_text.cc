#include "audit/report_text.h"

#include <chrono>

#include <fmt/format.h>

#include "base/utc_day.h"

namespace beleg::audit {
namespace {

using wire::Json;

void AppendPretty(std::string& out, const Json& json, int indent, int depth) {
  size_t count = json.is_object() ? json.as_object().size() : json.is_array() ? json.as_array().size() : 0;
  if (count == 0) {
    out += json.Dump();
    return;
  }
  std::string line = "\n" + std::string(static_cast<size_t>(indent * (depth + 1)), ' ');
  out += json.is_object() ? '{' : '[';
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += line;
    if (json.is_object()) {
      wire::AppendJsonString(out, json.as_object()[i].first);
      out += ": ";
    }
    AppendPretty(out, json.is_object() ? json.as_object()[i].second : json.as_array()[i], indent, depth + 1);
  }
  out += "\n" + std::string(static_cast<size_t>(indent * depth), ' ');
  out += json.is_object() ? '}' : ']';
}

}  // namespace

std::string PrettyJson(const Json& json, int indent) {
  std::string out;
  AppendPretty(out, json, indent, 0);
  return out;
}

std::string OneLine(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    uint8_t byte = static_cast<uint8_t>(text[i]);
    bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<uint8_t>(text[i + 1]) < 0xA0;
    i += c1;
    out += byte < 0x20 || byte == 0x7F || c1 ? ' ' : text[i];
  }
  return out;
}

std::string FormatUtc(int64_t unix_us) {
  using std::chrono::days, std::chrono::microseconds;
  std::chrono::sys_time<microseconds> time{microseconds(unix_us)};
  auto midnight = std::chrono::floor<days>(time);
  std::chrono::hh_mm_ss<microseconds> clock(time - midnight);
  return fmt::format("{}T{:02}:{:02}:{:02}.{:06}Z", FormatUtcDay(midnight), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

}  // namespace beleg::audit
