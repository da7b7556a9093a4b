// LogEdge: the right edge of a transparency log, to which entries are added: what is not full yet of its bundles and tiles, and
// every file that the log has at its present size.
//
// Shape:   C2SP tlog-tiles: bundles and tiles of 256, level by level.
// Cost:    one SHA-256 an entry and 1/255 more; memory: one tile a level and one bundle.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace beleg::store {

class LogEdge {
 public:
  struct File {
    std::string path;
    std::string bytes;
  };

  // CHECK: at most 65,535 bytes.
  void Add(std::string_view entry);
  uint64_t size() const { return size_; }
  Hash32 Root() const;

  // Full bundles and tiles made since the last call.
  std::vector<File> TakeFull() { return std::exchange(full_, {}); }
  // The ones that are not full, as they are at this size.
  std::vector<File> Partial() const;
  // The newest bundle as far as it goes; "" when it is full.
  const std::string& bundle() const { return bundle_; }

 private:
  void AddHash(size_t level, const Hash32& hash);

  uint64_t size_ = 0;
  std::string bundle_;
  std::vector<std::string> rows_;  // of each level, the hashes of the tile that is not full
  std::vector<File> full_;
};

}  // namespace beleg::store
