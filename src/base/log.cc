#include "base/log.h"

#include <unistd.h>

#include <atomic>

#include "base/clock.h"

namespace beleg {
namespace {

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error", "off"};

// The one piece of process-wide state that may change: how much is said.
std::atomic<LogLevel> g_level{LogLevel::kInfo};

void AppendEscaped(std::string& out, std::string_view text) {
  for (char c : text) {
    uint8_t byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\u{:04x}", byte);
    } else {
      out.push_back(c);
    }
  }
}

}  // namespace

bool SetLogLevel(std::string_view name) {
  for (size_t i = 0; i < std::size(kLevelNames); ++i) {
    if (kLevelNames[i] != name) continue;
    g_level = static_cast<LogLevel>(i);
    return true;
  }
  return false;
}

bool LogEnabled(LogLevel level) { return level >= g_level.load(std::memory_order_relaxed); }

void WriteLog(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  int64_t now_us = SystemClock().UnixMicros();
  std::string line = fmt::format("{{\"ts\":{}.{:06},\"level\":\"{}\",\"event\":\"{}\"", now_us / 1'000'000,
                                 now_us % 1'000'000, kLevelNames[static_cast<int>(level)], event);
  for (const LogField& field : fields) {
    line += fmt::format(",\"{}\":", field.key);
    if (field.quoted) line.push_back('"');
    AppendEscaped(line, field.value);
    if (field.quoted) line.push_back('"');
  }
  line += "}\n";
  // One write(2) a line keeps lines of several threads and processes whole. A closed stderr is nobody's loss.
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace beleg
