// What is asked of a model's file before llama.cpp sees it: that it is a whole GGUF, and its hash.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace beleg::engine {

// The size of the file in bytes. Errors: kNotFound, kPermissionDenied, kInvalidArgument (a folder, a device) · kDataLoss (not
// a GGUF; its header is damaged; shorter than its header says: with both sizes) · kUnimplemented (one part of a split
// model: its hash would not be the model's).
Result<uint64_t> CheckModelFile(const std::string& path);

// SHA-256 of the whole file, read in pieces; progress is logged for each 2 GiB.
Result<Hash32> HashModelFile(const std::string& path);

}  // namespace beleg::engine
