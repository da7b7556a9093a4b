#include "wire/compress.h"

#include <libdeflate.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "base/bytes.h"
#include "base/check.h"

namespace beleg::wire {
namespace {

constexpr size_t kChunkBytes = 64 << 10;
constexpr size_t kRoomBytesMin = 256;
constexpr size_t kDeflateRatioMax = 1032;  // 258 bytes of two bits

std::unexpected<Error> TooLarge(std::string_view format, size_t size_max) {
  return Fail(ErrorCode::kResourceExhausted, "{}: more than {} bytes decompressed", format, size_max);
}

struct DeflateFree {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
  void operator()(libdeflate_decompressor* decompressor) const { libdeflate_free_decompressor(decompressor); }
};

struct ZstdFree {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

// Room for what comes next: a chunk, or what the limit leaves and one byte more, by which going over it is seen.
size_t NextRoom(size_t held, size_t size_max) { return std::min(kChunkBytes, size_max - held + 1); }

// compress, bound: libdeflate's, of one format.
template <class Compress, class Bound>
std::string Deflate(std::string_view bytes, int level, Compress compress, Bound bound) {
  std::unique_ptr<libdeflate_compressor, DeflateFree> compressor(libdeflate_alloc_compressor(level));
  CHECK(compressor != nullptr, "no memory for a compressor, or no such level");
  std::string out;
  out.resize_and_overwrite(bound(compressor.get(), bytes.size()), [&](char* room, size_t size) {
    return compress(compressor.get(), bytes.data(), bytes.size(), room, size);
  });
  CHECK(!out.empty(), "deflate did not end within its own bound");
  return out;
}

// Appends what one member of gzip, or all of zlib, holds; says how many bytes it was packed in. libdeflate begins anew when
// there is not room enough, so the room doubles; room_bytes is the first guess.
template <class Decompress>
Result<size_t> InflateOne(std::string& out, std::string_view bytes, size_t room_bytes, size_t size_max,
                          Decompress decompress) {
  std::unique_ptr<libdeflate_decompressor, DeflateFree> decompressor(libdeflate_alloc_decompressor());
  CHECK(decompressor != nullptr, "no memory for a decompressor");
  const size_t held = out.size();
  libdeflate_result result = LIBDEFLATE_INSUFFICIENT_SPACE;
  for (size_t read = 0, written = 0;; room_bytes *= 2) {
    room_bytes = std::min(room_bytes, size_max - held);
    out.resize_and_overwrite(held + room_bytes, [&](char* room, size_t) {
      result = decompress(decompressor.get(), bytes.data(), bytes.size(), room + held, room_bytes, &read,
                          &written);
      return result == LIBDEFLATE_SUCCESS ? held + written : held;
    });
    if (result == LIBDEFLATE_SUCCESS) return read;
    if (result != LIBDEFLATE_INSUFFICIENT_SPACE)
      return Fail(ErrorCode::kInvalidArgument, "not of this format, cut short or damaged");
    if (room_bytes == size_max - held)
      return Fail(ErrorCode::kResourceExhausted, "more than {} bytes decompressed", size_max);
  }
}

}  // namespace

std::string GzipCompress(std::string_view bytes, int level) {
  return Deflate(bytes, level, libdeflate_gzip_compress, libdeflate_gzip_compress_bound);
}
std::string ZlibCompress(std::string_view bytes, int level) {
  return Deflate(bytes, level, libdeflate_zlib_compress, libdeflate_zlib_compress_bound);
}

Result<std::string> GzipDecompress(std::string_view bytes, size_t size_max) {
  // RFC 1952 §2.2: members follow one another. The last ends with its size modulo 2^32, which may lie.
  const size_t said = bytes.size() < 4 ? 0 : GetLittle32(bytes.data() + bytes.size() - 4);
  const size_t room_bytes = std::clamp(said, kRoomBytesMin, kRoomBytesMin + bytes.size() * kDeflateRatioMax);
  std::string out;
  for (size_t read = 0; read < bytes.size() || read == 0;) {
    auto more = InflateOne(out, bytes.substr(read), room_bytes, size_max, libdeflate_gzip_decompress_ex);
    if (!more) return Fail(std::move(more.error()), "gzip: member at byte {}", read);
    read += *more;
  }
  return out;
}

Result<std::string> ZlibDecompress(std::string_view bytes, size_t size_max) {
  std::string out;
  auto read =
      InflateOne(out, bytes, kRoomBytesMin + 8 * bytes.size(), size_max, libdeflate_zlib_decompress_ex);
  if (!read) return Fail(std::move(read.error()), "zlib");
  if (*read != bytes.size())
    return Fail(ErrorCode::kInvalidArgument, "zlib: bytes after its end at byte {}", *read);
  return out;
}

std::string ZstdCompress(std::string_view bytes, int level) {
  thread_local std::unique_ptr<ZSTD_CCtx, ZstdFree> context(ZSTD_createCCtx());  // 1 MB of tables, made once
  CHECK(context != nullptr, "no memory for a zstd context");
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  size_t size = ZSTD_compressCCtx(context.get(), out.data(), out.size(), bytes.data(), bytes.size(), level);
  CHECK(ZSTD_isError(size) == 0, ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

Result<std::string> ZstdDecompress(std::string_view bytes, size_t size_max) {
  std::unique_ptr<ZSTD_DCtx, ZstdFree> context(ZSTD_createDCtx());
  CHECK(context != nullptr, "no memory for a zstd context");
  // The window is memory, too: no more than what may come out, but the 8 MB that every reader should have (RFC 8878
  // §3.1.1.1.2), since streaming writers declare as much for any size.
  int window_log = std::clamp(static_cast<int>(std::bit_width(size_max)), 23, 27);
  ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, window_log);
  std::string out;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  size_t written = 0, wanted = 1;
  while (in.pos < in.size || wanted != 0) {
    if (written == out.size()) out.resize(written + NextRoom(written, size_max));
    ZSTD_outBuffer room{out.data(), out.size(), written};
    size_t before = in.pos;
    wanted = ZSTD_decompressStream(context.get(), &room, &in);
    if (ZSTD_getErrorCode(wanted) == ZSTD_error_frameParameter_windowTooLarge)
      return TooLarge("zstd window", size_max);
    if (ZSTD_isError(wanted) != 0)
      return Fail(ErrorCode::kInvalidArgument, "zstd: {} at byte {}", ZSTD_getErrorName(wanted), in.pos);
    bool stuck = in.pos == before && room.pos == written && room.pos < room.size;
    written = room.pos;
    if (written > size_max) return TooLarge("zstd", size_max);
    if (stuck && wanted != 0)
      return Fail(ErrorCode::kInvalidArgument, "zstd: cut short after byte {}", bytes.size());
  }
  out.resize(written);
  return out;
}

}  // namespace beleg::wire
