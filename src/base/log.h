// LOG_INFO("ledger.checkpoint", F("size", n), F("took_ms", ms)): an event name and fields, one JSON line on stderr.
//
// Levels by who acts: error = someone must act now, warn = someone must look, info = rare and bounded, debug = off.
// Nothing a client sends may flood info. Values are escaped, so control bytes cannot forge a line.
// Threads: any. Cost: a line is formatted only when its level is on.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace beleg {

enum class LogLevel { kDebug, kInfo, kWarn, kError, kOff };

// "debug", "info", "warn", "error", "off"; false when it is none of them.
bool SetLogLevel(std::string_view name);
bool LogEnabled(LogLevel level);

struct LogField {
  std::string_view key;
  std::string value;
  bool quoted;  // false for numbers and booleans
};

template <class T>
LogField F(std::string_view key, const T& value) {
  constexpr bool plain = std::is_arithmetic_v<T>;
  return {key, fmt::format("{}", value), !plain};
}

void WriteLog(LogLevel level, std::string_view event, std::initializer_list<LogField> fields);

}  // namespace beleg

#define BELEG_LOG(level, event, ...) \
  (::beleg::LogEnabled(level) ? ::beleg::WriteLog(level, event, {__VA_ARGS__}) : static_cast<void>(0))
#define LOG_DEBUG(event, ...) BELEG_LOG(::beleg::LogLevel::kDebug, event __VA_OPT__(, ) __VA_ARGS__)
#define LOG_INFO(event, ...) BELEG_LOG(::beleg::LogLevel::kInfo, event __VA_OPT__(, ) __VA_ARGS__)
#define LOG_WARN(event, ...) BELEG_LOG(::beleg::LogLevel::kWarn, event __VA_OPT__(, ) __VA_ARGS__)
#define LOG_ERROR(event, ...) BELEG_LOG(::beleg::LogLevel::kError, event __VA_OPT__(, ) __VA_ARGS__)
