// gzip (RFC 1952) and zstd (RFC 8878), whole buffers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace beleg::wire {

std::string GzipCompress(std::string_view bytes, int level = 6);
std::string ZstdCompress(std::string_view bytes, int level = 1);

// kInvalidArgument: not of this format, cut short, or damaged (says at which byte of the input).
// kResourceExhausted: more than size_max bytes would come out; never holds more than that and the format's window
// (gzip 32 KB, zstd the larger of 8 MB and size_max). What follows the end must be a further member or frame: they are
// joined.
Result<std::string> GzipDecompress(std::string_view bytes, size_t size_max);
Result<std::string> ZstdDecompress(std::string_view bytes, size_t size_max);

}  // namespace beleg::wire
