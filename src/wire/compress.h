// gzip (RFC 1952), zlib (RFC 1950, what HTTP calls deflate), zstd (RFC 8878) and snappy, whole buffers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace beleg::wire {

std::string GzipCompress(std::string_view bytes, int level = 6);
std::string ZlibCompress(std::string_view bytes, int level = 6);
std::string ZstdCompress(std::string_view bytes, int level = 1);
std::string SnappyCompress(std::string_view bytes);  // the block format

// kInvalidArgument: not of this format, cut short, or damaged (says at which byte of the input; gzip, in which member).
// kResourceExhausted: more than size_max bytes would come out; never holds more than that and, of zstd, its window (the
// larger of 8 MB and size_max). What follows the end must be a further member or frame of gzip or zstd: they are joined;
// after zlib's end and a snappy block nothing may follow.
Result<std::string> GzipDecompress(std::string_view bytes, size_t size_max);
Result<std::string> ZlibDecompress(std::string_view bytes, size_t size_max);
Result<std::string> ZstdDecompress(std::string_view bytes, size_t size_max);
Result<std::string> SnappyDecompress(std::string_view bytes, size_t size_max);
// snappy's framing format (framing_format.txt of google/snappy): blocks with checksums.
Result<std::string> SnappyUnframe(std::string_view bytes, size_t size_max);

}  // namespace beleg::wire
