#include "base/bytes.h"

#include <charconv>

namespace beleg {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<int8_t, 256> MakeBase64Values() {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kBase64.size(); ++i)
    values[static_cast<uint8_t>(kBase64[i])] = static_cast<int8_t>(i);
  return values;
}
constexpr std::array<int8_t, 256> kBase64Values = MakeBase64Values();

constexpr std::array<uint32_t, 256> MakeCrcTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? 0x82F63B78u : 0u);
    table[i] = crc;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kCrcTable = MakeCrcTable();

template <class T>
void PutBig(std::string& out, T value) {
  for (int shift = 8 * (sizeof(T) - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(value >> shift));
}

template <class T>
void PutLittle(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <class T>
T GetBig(const char* bytes) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>((value << 8) | static_cast<uint8_t>(bytes[i]));
  return value;
}

template <class T>
T GetLittle(const char* bytes) {
  T value = 0;
  for (size_t i = sizeof(T); i-- > 0;) value = static_cast<T>((value << 8) | static_cast<uint8_t>(bytes[i]));
  return value;
}

uint32_t Crc32cTable(std::string_view bytes, uint32_t crc) {
  for (char c : bytes) crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cHardware(std::string_view bytes, uint32_t crc) {
  uint64_t state = crc;
  while (bytes.size() >= 8) {
    state = __builtin_ia32_crc32di(state, GetLittle<uint64_t>(bytes.data()));
    bytes.remove_prefix(8);
  }
  uint32_t narrow = static_cast<uint32_t>(state);
  for (char c : bytes) narrow = __builtin_ia32_crc32qi(narrow, static_cast<uint8_t>(c));
  return narrow;
}
#endif

template <class T>
Result<T> ParseInteger(std::string_view text) {
  T value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty())
    return Fail(ErrorCode::kInvalidArgument, "\"{}\" is not a whole number in range", text.substr(0, 40));
  return value;
}

}  // namespace

std::string HexEncode(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (char c : bytes) {
    out.push_back(kHexDigits[static_cast<uint8_t>(c) >> 4]);
    out.push_back(kHexDigits[static_cast<uint8_t>(c) & 15]);
  }
  return out;
}

Result<std::string> HexDecode(std::string_view hex) {
  if (hex.size() % 2 != 0)
    return Fail(ErrorCode::kInvalidArgument, "odd number of hex digits ({})", hex.size());
  std::string out;
  out.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    int high = HexValue(hex[i]), low = HexValue(hex[i + 1]);
    if (high < 0 || low < 0)
      return Fail(ErrorCode::kInvalidArgument, "no hex digit at offset {}", high < 0 ? i : i + 1);
    out.push_back(static_cast<char>(high << 4 | low));
  }
  return out;
}

std::string Base64Encode(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? static_cast<uint8_t>(bytes[i + j]) : 0);
    for (size_t j = 0; j < 4; ++j) out.push_back(j <= count ? kBase64[(group >> (18 - 6 * j)) & 63] : '=');
  }
  return out;
}

Result<std::string> Base64Decode(std::string_view text) {
  if (text.size() % 4 != 0) return Fail(ErrorCode::kInvalidArgument, "base64 of {} characters", text.size());
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    bool last = i + 4 == text.size();
    size_t digits = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 3) : 4;
    uint32_t group = 0;
    for (size_t j = 0; j < 4; ++j) {
      int value = j < digits ? kBase64Values[static_cast<uint8_t>(text[i + j])] : 0;
      if (value < 0) return Fail(ErrorCode::kInvalidArgument, "no base64 digit at offset {}", i + j);
      group = group << 6 | static_cast<uint32_t>(value);
    }
    size_t count = digits - 1;
    if (count < 3 && (group & ((1u << (8 * (3 - count))) - 1)) != 0)
      return Fail(ErrorCode::kInvalidArgument, "base64 with stray bits at offset {}", i);
    for (size_t j = 0; j < count; ++j) out.push_back(static_cast<char>(group >> (16 - 8 * j)));
  }
  return out;
}

void PutBig16(std::string& out, uint16_t value) { PutBig(out, value); }
void PutBig32(std::string& out, uint32_t value) { PutBig(out, value); }
void PutBig64(std::string& out, uint64_t value) { PutBig(out, value); }
void PutLittle32(std::string& out, uint32_t value) { PutLittle(out, value); }
void PutLittle64(std::string& out, uint64_t value) { PutLittle(out, value); }
uint16_t GetBig16(const char* bytes) { return GetBig<uint16_t>(bytes); }
uint32_t GetBig32(const char* bytes) { return GetBig<uint32_t>(bytes); }
uint64_t GetBig64(const char* bytes) { return GetBig<uint64_t>(bytes); }
uint32_t GetLittle32(const char* bytes) { return GetLittle<uint32_t>(bytes); }
uint64_t GetLittle64(const char* bytes) { return GetLittle<uint64_t>(bytes); }

uint32_t Crc32c(std::string_view bytes, uint32_t seed) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) return ~Crc32cHardware(bytes, ~seed);
#endif
  return ~Crc32cTable(bytes, ~seed);
}

Result<uint64_t> ParseUint64(std::string_view text) { return ParseInteger<uint64_t>(text); }
Result<int64_t> ParseInt64(std::string_view text) { return ParseInteger<int64_t>(text); }

bool IsUtf8(std::string_view bytes) {
  for (size_t i = 0; i < bytes.size();) {
    uint8_t lead = static_cast<uint8_t>(bytes[i]);
    size_t length = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2 : lead >> 4 == 14 ? 3 : lead >> 3 == 30 ? 4 : 0;
    if (length == 0 || i + length > bytes.size()) return false;
    uint32_t rune = length == 1 ? lead : lead & (0x7f >> length);
    for (size_t j = 1; j < length; ++j) {
      uint8_t next = static_cast<uint8_t>(bytes[i + j]);
      if (next >> 6 != 2) return false;
      rune = rune << 6 | (next & 63);
    }
    constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (rune < kSmallest[length] || rune > 0x10ffff || (rune >= 0xd800 && rune < 0xe000)) return false;
    i += length;
  }
  return true;
}

}  // namespace beleg
