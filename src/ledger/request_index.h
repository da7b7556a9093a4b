// Which leaf may be a request's record: in memory for the newest leaves, in an id index (index/) for each full block of them.
//
// Shape:   a block is block_leaves leaves; its file DIR/index/NNNNNNNN.ids is made when all of it is published, and can be made again
//          from the leaves. Candidates may be wrong: the caller looks at the leaf.
// Threads: Add from one thread, Seal from one, the rest from any.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/mutex.h"
#include "index/id_index.h"
#include "io/file.h"
#include "ledger/lru_cache.h"

namespace beleg::ledger {

// The request that a record is of (Request, Refused, Lost); nullopt for other leaves.
std::optional<RequestId> RequestIdOf(std::string_view leaf);

class RequestIndex {
 public:
  using Ids = std::vector<std::pair<RequestId, uint32_t>>;  // id, row in the block

  // Lists the blocks that are there.
  static Result<std::unique_ptr<RequestIndex>> Open(io::FileSystem& fs, std::string folder,
                                                    uint64_t block_leaves);

  uint64_t block_leaves() const { return block_leaves_; }
  // The blocks below this size that have no file.
  std::vector<uint64_t> MissingBlocks(uint64_t published_size) const;

  void Add(const RequestId& id, uint64_t index);
  // Writes the files of the blocks that end at or below the published size. kResourceExhausted: no room, try again later.
  Result<void> Seal(uint64_t published_size);
  // Writes a block's file. By one caller at a time for each block.
  Result<void> WriteBlock(uint64_t block, const Ids& ids);
  // The same for one that is damaged, by any thread; leaves it to another caller who is at it.
  Result<void> MendBlock(uint64_t block, const Ids& ids);

  struct Candidates {
    std::vector<uint64_t> indexes;
    std::vector<uint64_t> damaged_blocks;  // could not be asked: make them again from the leaves
  };
  Candidates Find(const RequestId& id);

 private:
  struct IdHash {
    size_t operator()(const RequestId& id) const {
      return GetLittle64(id.view().data());
    }  // it is a hash already
  };
  RequestIndex(io::FileSystem& fs, std::string folder, uint64_t block_leaves)
      : fs_(fs), folder_(std::move(folder)), block_leaves_(block_leaves) {}
  std::string PathOf(uint64_t block) const;
  Result<std::vector<uint32_t>> FindInBlock(uint64_t block, const RequestId& id);

  io::FileSystem& fs_;
  const std::string folder_;
  const uint64_t block_leaves_;
  LruCache<uint64_t, index::IdIndex> open_blocks_{128};  // each holds a file
  mutable Mutex mutex_;
  std::set<uint64_t> blocks_ GUARDED_BY(mutex_);                               // those that have a file
  std::unordered_map<RequestId, uint64_t, IdHash> newest_ GUARDED_BY(mutex_);  // of the other ones
  std::map<uint64_t, Ids> unsealed_ GUARDED_BY(mutex_);
  std::set<uint64_t> mending_ GUARDED_BY(mutex_);  // two would write the same temporary file
};

}  // namespace beleg::ledger
