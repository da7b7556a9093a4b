// Puts durable leaves into entry bundles and tiles and signs the checkpoint over them: the log as strangers read it.
//
// Order:   all files of a checkpoint are on disk before it replaces the one before.
// Errors:  kResourceExhausted: no room, nothing changed for readers, try again later. Any other: the process must stop.
// Threads: Publish from one thread, snapshot from any.
// Cost:    two SHA-256 a leaf; a sync for each file written: two a full tile, two or three for the partial ones, one checkpoint.
// Source:  C2SP tlog-tiles, tlog-checkpoint; docs/formats/ledger.md.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "io/durable.h"
#include "io/file.h"
#include "ledger/checkpoint_signer.h"
#include "ledger/leaf_tail.h"
#include "ledger/tree_edge.h"

namespace beleg::ledger {

// What is published. Shared between the publisher and readers that are in the middle of a proof; never changed.
struct Published {
  TreeEdge edge;
  Hash32 root{};
  std::string checkpoint;  // the signed note
  uint64_t size() const { return edge.size(); }
};

class Publisher {
 public:
  // Reads the newest checkpoint and the right edge of its tree, or signs the empty tree when there is none.
  // kDataLoss names the file that does not fit the others.
  static Result<std::unique_ptr<Publisher>> Open(io::FileSystem& fs, std::string folder,
                                                 CheckpointSigner signer);

  std::shared_ptr<const Published> published() const;
  // The published leaves of the bundle that is not full yet, as Open found them.
  std::vector<HashedLeaf> TakeBundleLeaves() { return std::move(bundle_leaves_); }

  // leaves: those that follow the published ones.
  Result<void> Publish(const std::vector<HashedLeaf>& leaves);

 private:
  Publisher(io::FileSystem& fs, std::string folder, CheckpointSigner signer)
      : fs_(fs), folder_(std::move(folder)), signer_(signer), folders_(fs, folder_) {}
  Result<void> StartEmpty();
  Result<void> Restore();
  Result<TreeEdge> ReadEdge(uint64_t size);
  Result<void> ReadBundle(const TreeEdge& edge);
  Result<void> WriteTiles(const std::vector<TileFile>& tiles);
  Result<void> WriteCheckpoint(TreeEdge edge);
  void RemovePartials(const std::vector<TileFile>& tiles);
  std::string PathOf(std::string_view name) const { return folder_ + "/" + std::string(name); }

  io::FileSystem& fs_;
  const std::string folder_;
  const CheckpointSigner signer_;
  io::DurableFolders folders_;
  std::string bundle_;  // of the leaves after the last full bundle
  std::vector<HashedLeaf> bundle_leaves_;
  mutable Mutex mutex_;
  std::shared_ptr<const Published> published_ GUARDED_BY(mutex_);
};

}  // namespace beleg::ledger
