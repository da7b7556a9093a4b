// A sorted-fingerprint index: which rows may hold a 16-byte id. About 5 bytes an id on disk, one small read a look-up.
//
// Shape:  ids are uniformly random (hash them first when they are not: a time-ordered trace id is hashed by Add). A look-up
//         gives candidate rows; the caller compares the ids of those rows. False positives are rare (2^-16 a look-up),
//         false negatives impossible.
// Source: the prototype measured in docs/formats/id_index.md, which also has the bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "io/file.h"

namespace beleg::index {

class IdIndexBuilder {
 public:
  void Add(std::string_view id, uint32_t row);
  size_t size() const { return entries_.size(); }
  // The whole index file.
  std::string Build();

 private:
  std::vector<std::pair<uint64_t, uint32_t>> entries_;
};

class IdIndex {
 public:
  // Reads the header and bucket offsets only. kDataLoss when the file is damaged.
  static Result<std::unique_ptr<IdIndex>> Open(io::FileSystem& fs, const std::string& path);
  // Candidate rows, ascending. Cost: one ReadAt of some hundred bytes. Safe from any thread.
  Result<std::vector<uint32_t>> Find(std::string_view id) const;
  uint64_t size() const { return count_; }

 private:
  std::unique_ptr<io::File> file_;
  uint64_t count_ = 0;
  std::vector<uint32_t> offsets_;
};

}  // namespace beleg::index
