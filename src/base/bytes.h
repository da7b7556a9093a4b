// Bytes and their text forms. Owned bytes are std::string, borrowed ones std::string_view.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace beleg {

// 32 bytes: a SHA-256 hash, a secret, an Ed25519 public key.
using Hash32 = std::array<uint8_t, 32>;

// The bytes of a fixed array of any length, borrowed.
template <size_t N>
std::string_view AsView(const std::array<uint8_t, N>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), N};
}

// A fixed array out of exactly N bytes. kInvalidArgument on another length.
template <size_t N>
Result<std::array<uint8_t, N>> ToArray(std::string_view bytes) {
  if (bytes.size() != N) return Fail(ErrorCode::kInvalidArgument, "{} bytes, want {}", bytes.size(), N);
  std::array<uint8_t, N> out;
  bytes.copy(reinterpret_cast<char*>(out.data()), N);
  return out;
}

// Lower-case hexadecimal; decoding takes both cases. kInvalidArgument names the offset of the first bad digit.
std::string HexEncode(std::string_view bytes);
Result<std::string> HexDecode(std::string_view hex);

// Standard base64 with padding (RFC 4648 §4). Decoding refuses what is not canonical.
std::string Base64Encode(std::string_view bytes);
Result<std::string> Base64Decode(std::string_view text);

// Big-endian fixed integers (C2SP formats), little-endian ones (our own frames), appended to out.
void PutBig16(std::string& out, uint16_t value);
void PutBig32(std::string& out, uint32_t value);
void PutBig64(std::string& out, uint64_t value);
void PutLittle32(std::string& out, uint32_t value);
void PutLittle64(std::string& out, uint64_t value);

// The caller has checked that the bytes are there.
uint16_t GetBig16(const char* bytes);
uint32_t GetBig32(const char* bytes);
uint64_t GetBig64(const char* bytes);
uint32_t GetLittle32(const char* bytes);
uint64_t GetLittle64(const char* bytes);

// CRC-32C (Castagnoli), as LevelDB, iSCSI and ext4 use it; hardware instruction where there is one.
uint32_t Crc32c(std::string_view bytes, uint32_t seed = 0);

// Decimal text to a whole number: no sign, space, or trailing bytes. kInvalidArgument else.
Result<uint64_t> ParseUint64(std::string_view text);
Result<int64_t> ParseInt64(std::string_view text);

// True if the bytes are well-formed UTF-8 (RFC 3629).
bool IsUtf8(std::string_view bytes);

}  // namespace beleg
