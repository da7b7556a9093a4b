// A sorted-fingerprint index: which rows may hold a 16-byte id. About 5 bytes an id on disk, one small read a look-up.
//
// Shape:  ids of 16 bytes in any distribution (Add hashes them), rows of up to 32 bits, one id may have several rows. A look-up
//         gives candidate rows; the caller compares the ids of those rows. False positives are rare (one look-up in 8,000 at
//         two million ids, in 200,000 at 65,536), false negatives impossible.
// Source: docs/formats/id_index.md has the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace beleg::index {

class IdIndexBuilder {
 public:
  // id: 16 bytes (CHECK).
  void Add(std::string_view id, uint32_t row);
  size_t size() const { return entries_.size(); }
  // The whole index file. The builder is empty after it. Cost: a sort of 16 bytes an id.
  std::string Build();

 private:
  std::vector<std::pair<uint64_t, uint32_t>> entries_;  // hash, row
};

class IdIndex {
 public:
  // Reads the header and the bucket table only. kDataLoss when they are damaged, kUnimplemented for a newer version.
  static Result<std::unique_ptr<IdIndex>> Open(io::FileSystem& fs, const std::string& path);
  // Candidate rows, ascending. kDataLoss when the bucket's bytes are damaged. Cost: one ReadAt of some hundred bytes.
  // Safe from any thread.
  Result<std::vector<uint32_t>> Find(std::string_view id) const;
  uint64_t size() const { return buckets_.back(); }

 private:
  IdIndex(std::unique_ptr<io::File> file, int bucket_bits, int row_bits, std::vector<uint32_t> buckets)
      : file_(std::move(file)),
        bucket_bits_(bucket_bits),
        row_bits_(row_bits),
        buckets_(std::move(buckets)) {}

  const std::unique_ptr<io::File> file_;
  const int bucket_bits_;
  const int row_bits_;
  const std::vector<uint32_t> buckets_;  // number of the first entry of each bucket; at the end the count
};

}  // namespace beleg::index
