// How a full entry bundle lies in a log's folder: plain at its C2SP path, or as zstd at that path with ".zst". While a compressor is
// between writing one form and removing the other both are there, and say the same.
//
// Shape:   path is the plain form's, whichever is there.
// Errors:  kNotFound: neither form is there · kDataLoss names the ".zst" that is no zstd of a bundle · the file system's own.
// Threads: any.
// Source:  docs/formats/ledger.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "io/file.h"

namespace beleg::bundle {

constexpr std::string_view kCompressedSuffix = ".zst";

// One of a log's files, by its C2SP name below the folder ("tile/entries/000", "checkpoint"): as ReadStored where it may be there as
// zstd. At most kBundleBytesMax.
Result<std::string> ReadLogFile(io::FileSystem& fs, const std::string& folder, std::string_view name);

// The plain bytes. At most kBundleBytesMax of memory beside the file's.
Result<std::string> ReadStored(io::FileSystem& fs, const std::string& path);
// Of the file that ReadStored would read.
Result<uint64_t> StoredSize(io::FileSystem& fs, const std::string& path);
// Both forms, and what a write that was cut short left of either; none is fine.
Result<void> RemoveStored(io::FileSystem& fs, const std::string& path);

}  // namespace beleg::bundle
