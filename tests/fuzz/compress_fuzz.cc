// Any bytes unpack to at most the limit or to an error; what we pack unpacks to the same.
#include "fuzz.h"
#include "wire/compress.h"

namespace wire = beleg::wire;

namespace {
constexpr size_t kLimit = 1 << 20;
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view bytes = beleg::fuzz::View(data, size);
  for (auto* unpack : {wire::GzipDecompress, wire::ZlibDecompress, wire::ZstdDecompress,
                       wire::SnappyDecompress, wire::SnappyUnframe}) {
    auto unpacked = unpack(bytes, kLimit);
    CHECK(!unpacked || unpacked->size() <= kLimit, "the limit holds");
  }
  auto gzip = wire::GzipDecompress(wire::GzipCompress(bytes), size);
  CHECK(gzip.has_value() && *gzip == bytes, "gzip comes back");
  auto zstd = wire::ZstdDecompress(wire::ZstdCompress(bytes), size);
  CHECK(zstd.has_value() && *zstd == bytes, "zstd comes back");
  auto zlib = wire::ZlibDecompress(wire::ZlibCompress(bytes), size);
  CHECK(zlib.has_value() && *zlib == bytes, "zlib comes back");
  auto snappy = wire::SnappyDecompress(wire::SnappyCompress(bytes), size);
  CHECK(snappy.has_value() && *snappy == bytes, "snappy comes back");
  return 0;
}
