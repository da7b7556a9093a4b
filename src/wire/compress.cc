#include "wire/compress.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "base/check.h"

namespace beleg::wire {
namespace {

// How zlib is told which header and trailer stand around the compressed bytes.
constexpr int kZlibWindowBits = 15, kGzipWindowBits = kZlibWindowBits + 16;
constexpr size_t kChunkBytes = 64 << 10;

// zlib counts in 32 bits.
uInt ZlibSize(size_t size) { return static_cast<uInt>(std::min<size_t>(size, 1 << 30)); }
Bytef* ZlibBytes(const char* bytes) { return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes)); }

std::unexpected<Error> TooLarge(std::string_view format, size_t size_max) {
  return Fail(ErrorCode::kResourceExhausted, "{}: more than {} bytes decompressed", format, size_max);
}

class Inflater {
 public:
  explicit Inflater(int window_bits) : ok_(inflateInit2(&stream_, window_bits) == Z_OK) {
    CHECK(ok_, "zlib cannot start to inflate");
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool ok_;
};

struct ZstdFree {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

// Room for what comes next: a chunk, or what the limit leaves and one byte more, by which going over it is seen.
size_t NextRoom(size_t held, size_t size_max) { return std::min(kChunkBytes, size_max - held + 1); }

std::string Deflate(std::string_view bytes, int level, int window_bits) {
  z_stream stream{};
  CHECK(deflateInit2(&stream, level, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK,
        "zlib cannot start to deflate");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  size_t read = 0, written = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_in = ZlibBytes(bytes.data() + read);
    stream.avail_in = ZlibSize(bytes.size() - read);
    stream.next_out = ZlibBytes(out.data() + written);
    stream.avail_out = ZlibSize(out.size() - written);
    uInt in = stream.avail_in, room = stream.avail_out;
    status = deflate(&stream, read + in == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += room - stream.avail_out;
  }
  CHECK(status == Z_STREAM_END, "deflate did not end within its own bound");
  deflateEnd(&stream);
  out.resize(written);
  return out;
}

Result<std::string> Inflate(std::string_view bytes, size_t size_max, int window_bits) {
  const bool has_members = window_bits == kGzipWindowBits;  // RFC 1952 §2.2: they follow one another
  const std::string_view format = has_members ? "gzip" : "zlib";
  Inflater inflater(window_bits);
  z_stream& stream = inflater.stream();
  std::string out;
  size_t read = 0, written = 0;
  while (true) {
    if (written == out.size()) out.resize(written + NextRoom(written, size_max));
    stream.next_in = ZlibBytes(bytes.data() + read);
    stream.avail_in = ZlibSize(bytes.size() - read);
    stream.next_out = ZlibBytes(out.data() + written);
    stream.avail_out = ZlibSize(out.size() - written);
    uInt in = stream.avail_in, room = stream.avail_out;
    int status = inflate(&stream, Z_NO_FLUSH);
    read += in - stream.avail_in;
    written += room - stream.avail_out;
    if (written > size_max) return TooLarge(format, size_max);
    if (status == Z_STREAM_END) {
      if (read == bytes.size()) break;
      if (!has_members)
        return Fail(ErrorCode::kInvalidArgument, "zlib: bytes after its end at byte {}", read);
      CHECK(inflateReset(&stream) == Z_OK, "zlib cannot start anew");
    } else if (status == Z_BUF_ERROR && read == bytes.size()) {
      return Fail(ErrorCode::kInvalidArgument, "{}: cut short after byte {}", format, bytes.size());
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      return Fail(ErrorCode::kInvalidArgument, "{}: {} at byte {}", format,
                  stream.msg != nullptr ? stream.msg : "needs a dictionary", read);
    }
  }
  out.resize(written);
  return out;
}

}  // namespace

std::string GzipCompress(std::string_view bytes, int level) { return Deflate(bytes, level, kGzipWindowBits); }
std::string ZlibCompress(std::string_view bytes, int level) { return Deflate(bytes, level, kZlibWindowBits); }

Result<std::string> GzipDecompress(std::string_view bytes, size_t size_max) {
  return Inflate(bytes, size_max, kGzipWindowBits);
}
Result<std::string> ZlibDecompress(std::string_view bytes, size_t size_max) {
  return Inflate(bytes, size_max, kZlibWindowBits);
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
