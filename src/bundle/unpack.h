// Unpack: gives every entry bundle of a log's folder its plain form back, for programs that read the folder itself.
//
// Order:   the plain form is on disk for good before the compressed one is removed; stopping anywhere and calling again ends it.
// Errors:  kDataLoss names the file that cannot be decompressed: it and those after it are left · the file system's own.
// Threads: one, and no compressor at work on the folder.
#pragma once

#include <cstdint>
#include <string>

#include "io/file.h"

namespace beleg::bundle {

// folder: the one that has "tile/". How many bundles got their plain form.
Result<uint64_t> Unpack(io::FileSystem& fs, const std::string& folder);

}  // namespace beleg::bundle
