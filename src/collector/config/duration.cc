#include "collector/config/duration.h"

#include <array>
#include <charconv>

namespace beleg::collector {
namespace {

struct Unit {
  std::string_view name;
  double us;
};
constexpr std::array kUnits = {Unit{"ns", 1e-3}, Unit{"us", 1},  Unit{"µs", 1},   Unit{"ms", 1e3},
                               Unit{"s", 1e6},   Unit{"m", 6e7}, Unit{"h", 3.6e9}};
constexpr double kLongestUs = 100.0 * 365 * 24 * 3.6e9;

}  // namespace

Result<std::chrono::microseconds> ParseDuration(std::string_view text) {
  if (text == "0") return std::chrono::microseconds(0);
  double total_us = 0;
  std::string_view rest = text;
  if (rest.starts_with('-')) return Fail(ErrorCode::kInvalidArgument, "time: negative duration \"{}\"", text);
  if (rest.empty()) return Fail(ErrorCode::kInvalidArgument, "time: invalid duration \"{}\"", text);
  while (!rest.empty()) {
    double number = 0;
    auto [end, error] =
        std::from_chars(rest.data(), rest.data() + rest.size(), number, std::chars_format::fixed);
    if (error != std::errc()) return Fail(ErrorCode::kInvalidArgument, "time: invalid duration \"{}\"", text);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    std::string_view name = rest.substr(0, rest.find_first_of(".0123456789"));
    if (name.empty())
      return Fail(ErrorCode::kInvalidArgument,
                  "time: missing unit in duration \"{}\" (write \"{}s\" or \"{}ms\")", text, text, text);
    const Unit* unit = nullptr;
    for (const Unit& known : kUnits)
      if (known.name == name) unit = &known;
    if (unit == nullptr)
      return Fail(ErrorCode::kInvalidArgument, "time: unknown unit \"{}\" in duration \"{}\"", name, text);
    total_us += number * unit->us;
    rest.remove_prefix(name.size());
  }
  if (!(total_us <= kLongestUs))
    return Fail(ErrorCode::kInvalidArgument, "time: duration \"{}\" is too long", text);
  return std::chrono::microseconds(static_cast<int64_t>(total_us));
}

std::string FormatDuration(std::chrono::microseconds duration) {
  int64_t us = duration.count();
  if (us < 1'000) return us == 0 ? "0s" : fmt::format("{}us", us);
  if (us < 1'000'000) return fmt::format("{}ms", static_cast<double>(us) / 1e3);
  int64_t hours = us / 3'600'000'000, minutes = us / 60'000'000 % 60;
  std::string out;
  if (hours > 0) out += fmt::format("{}h", hours);
  if (hours > 0 || minutes > 0) out += fmt::format("{}m", minutes);
  return out + fmt::format("{}s", static_cast<double>(us % 60'000'000) / 1e6);
}

}  // namespace beleg::collector
