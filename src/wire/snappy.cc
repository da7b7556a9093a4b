// The snappy parts of wire/compress.h. Its library knows the block format alone; the frames around blocks are read here.
#include <snappy.h>

#include "base/bytes.h"
#include "wire/compress.h"

namespace beleg::wire {
namespace {

constexpr size_t kChunkHeadBytes = 4;  // type, and size in 3 bytes
constexpr size_t kChecksumBytes = 4;
constexpr size_t kFrameBytesMax = 65'536;  // of one chunk, decompressed
constexpr std::string_view kStreamName = "sNaPpY";
enum ChunkType : uint8_t {
  kCompressed = 0x00,
  kPlain = 0x01,
  kSkippableFirst = 0x80,
  kStreamIdentifier = 0xff
};

// A checksum is stored changed, since that of data with checksums inside would not be random.
uint32_t Masked(uint32_t crc) { return (crc >> 15 | crc << 17) + 0xa282ead8; }

}  // namespace

std::string SnappyCompress(std::string_view bytes) {
  std::string out;
  snappy::Compress(bytes.data(), bytes.size(), &out);
  return out;
}

Result<std::string> SnappyDecompress(std::string_view bytes, size_t size_max) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(bytes.data(), bytes.size(), &size))
    return Fail(ErrorCode::kInvalidArgument, "snappy: no block, or cut short");
  if (size > size_max)
    return Fail(ErrorCode::kResourceExhausted, "snappy: more than {} bytes decompressed", size_max);
  // Before room is made for what a few bytes may claim.
  if (!snappy::IsValidCompressedBuffer(bytes.data(), bytes.size()))
    return Fail(ErrorCode::kInvalidArgument, "snappy: block of {} bytes is damaged or cut short",
                bytes.size());
  std::string out(size, '\0');
  snappy::RawUncompress(bytes.data(), bytes.size(), out.data());
  return out;
}

Result<std::string> SnappyUnframe(std::string_view bytes, size_t size_max) {
  std::string out;
  if (bytes.empty()) return Fail(ErrorCode::kInvalidArgument, "snappy: cut short after byte 0");
  for (size_t at = 0; at < bytes.size();) {
    auto wrong = [at](std::string_view what) {
      return Fail(ErrorCode::kInvalidArgument, "snappy: {} in the chunk at byte {}", what, at);
    };
    if (bytes.size() - at < kChunkHeadBytes) return wrong("cut short");
    auto type = static_cast<uint8_t>(bytes[at]);
    size_t size = GetLittle32(bytes.data() + at) >> 8;
    if (at == 0 && type != kStreamIdentifier) return wrong("no stream identifier");
    if (bytes.size() - at - kChunkHeadBytes < size) return wrong("cut short");
    std::string_view body = bytes.substr(at + kChunkHeadBytes, size);
    at += kChunkHeadBytes + size;
    if (type == kStreamIdentifier && body != kStreamName) return wrong("bad stream identifier");
    if (type >= kSkippableFirst) continue;
    if (type > kPlain) return wrong("unknown kind");
    if (size < kChecksumBytes) return wrong("no checksum");
    std::string plain(body.substr(kChecksumBytes));
    if (type == kCompressed) {
      TRY_ASSIGN(plain, SnappyDecompress(plain, kFrameBytesMax));
    }
    if (Masked(Crc32c(plain)) != GetLittle32(body.data())) return wrong("wrong checksum");
    if (plain.size() > size_max - out.size())
      return Fail(ErrorCode::kResourceExhausted, "snappy: more than {} bytes decompressed", size_max);
    out += plain;
  }
  return out;
}

}  // namespace beleg::wire
