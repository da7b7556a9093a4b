#include "ledger/publisher.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "bundle/entry_bundle.h"
#include "ledger/tile_hashes.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

constexpr std::string_view kCheckpoint = "checkpoint";
constexpr size_t kCheckpointBytesMax = 64 << 10;

std::string CheckpointText(std::string_view origin, uint64_t size, const Hash32& root) {
  return fmt::format("{}\n{}\n{}\n", origin, size, Base64Encode(AsView(root)));
}

// The size in our own checkpoint: its second line. Whether the whole is as we signed it is checked by signing anew.
Result<uint64_t> SizeOf(const std::string& path, std::string_view checkpoint) {
  const size_t first = checkpoint.find('\n');
  const size_t second = first == checkpoint.npos ? first : checkpoint.find('\n', first + 1);
  if (second == checkpoint.npos) return Fail(ErrorCode::kDataLoss, "{}: no checkpoint", path);
  auto size = ParseUint64(checkpoint.substr(first + 1, second - first - 1));
  if (!size) return Fail(ErrorCode::kDataLoss, "{}: line 2: no size", path);
  return *size;
}

}  // namespace

Result<std::unique_ptr<Publisher>> Publisher::Open(io::FileSystem& fs, std::string folder,
                                                   CheckpointSigner signer) {
  std::unique_ptr<Publisher> publisher(new Publisher(fs, std::move(folder), signer));
  TRY_ASSIGN(bool exists, fs.Exists(publisher->PathOf(kCheckpoint)));
  if (exists)
    TRY(publisher->Restore());
  else
    TRY(publisher->StartEmpty());
  return publisher;
}

std::shared_ptr<const Published> Publisher::published() const {
  MutexLock lock(mutex_);
  return published_;
}

// The first checkpoint is durable before there is a tile, so a log with tiles has lost its own: an empty tree signed beside them would be
// another history.
Result<void> Publisher::StartEmpty() {
  TRY_ASSIGN(bool has_tiles, fs_.Exists(PathOf("tile")));
  if (!has_tiles) return WriteCheckpoint(TreeEdge());
  return Fail(ErrorCode::kDataLoss, "{}: is missing, and the log has tiles", PathOf(kCheckpoint));
}

Result<void> Publisher::Restore() {
  const std::string path = PathOf(kCheckpoint);
  TRY_ASSIGN(std::string checkpoint, io::ReadFile(fs_, path, kCheckpointBytesMax));
  TRY_ASSIGN(uint64_t size, SizeOf(path, checkpoint));
  TRY_ASSIGN(TreeEdge edge, ReadEdge(size));
  if (!signer_.IsOurs(checkpoint, CheckpointText(signer_.origin(), size, edge.Root())))
    return Fail(ErrorCode::kDataLoss, "{}: is not what the key signs for the tiles of size {}", path, size);
  TRY(ReadBundle(edge));
  // Written anew: if its rename was not synced before a crash, only the page cache may know it (ADR 0004).
  return WriteCheckpoint(std::move(edge));
}

Result<TreeEdge> Publisher::ReadEdge(uint64_t size) {
  std::vector<std::string> tiles;
  for (int level = 0; level < 8 && size >> (8 * level) != 0; ++level) {
    const uint64_t width = PartialWidth(size, level);
    tiles.emplace_back();
    if (width == 0) continue;
    const std::string path = PathOf(TilePath({level, FullTiles(size, level), width}));
    auto bytes = io::ReadFile(fs_, path, kTileBytes);
    if (!bytes) return Fail(ErrorCode::kDataLoss, "tile of the checkpoint: {}", bytes.error().message);
    if (bytes->size() != width * kHashBytes)
      return Fail(ErrorCode::kDataLoss, "{}: {} bytes, want {}", path, bytes->size(), width * kHashBytes);
    tiles.back() = std::move(*bytes);
  }
  return TreeEdge(size, tiles);
}

Result<void> Publisher::ReadBundle(const TreeEdge& edge) {
  const uint64_t width = PartialWidth(edge.size(), 0);
  if (width == 0) return {};
  const std::string path = PathOf(TilePath({kEntriesLevel, FullTiles(edge.size(), 0), width}));
  auto bytes = io::ReadFile(fs_, path, bundle::kBundleBytesMax);
  if (!bytes) return Fail(ErrorCode::kDataLoss, "bundle of the checkpoint: {}", bytes.error().message);
  auto leaves = bundle::SplitEntries(*bytes);
  if (!leaves) return Fail(std::move(leaves.error()), "{}", path);
  std::string hashes;
  for (std::string& leaf : *leaves) {
    const Hash32 hash = wire::MerkleLeafHash(leaf);
    hashes += AsView(hash);
    bundle_leaves_.push_back({std::move(leaf), hash});
  }
  if (hashes != edge.Partial(0))
    return Fail(ErrorCode::kDataLoss, "{}: its entries are not those of the tile", path);
  bundle_ = std::move(*bytes);
  return {};
}

Result<void> Publisher::Publish(const std::vector<HashedLeaf>& leaves) {
  const auto before = published();
  TreeEdge edge = before->edge;
  std::string bundle = bundle_;
  std::vector<TileFile> full;
  for (const HashedLeaf& leaf : leaves) {
    bundle::AppendEntry(bundle, leaf.bytes);
    edge.Append(leaf.hash, full);
    if (edge.size() % kTileWidth == 0)
      full.push_back({{kEntriesLevel, FullTiles(edge.size(), 0) - 1, kTileWidth}, std::exchange(bundle, {})});
  }
  std::vector<TileFile> files = full;
  for (TileFile& tile : edge.Partials())
    if (tile.id.number != FullTiles(before->size(), tile.id.level) ||
        tile.bytes != before->edge.Partial(tile.id.level))
      files.push_back(std::move(tile));
  if (!bundle.empty())
    files.push_back({{kEntriesLevel, FullTiles(edge.size(), 0), PartialWidth(edge.size(), 0)}, bundle});
  TRY(WriteTiles(files));
  TRY(WriteCheckpoint(std::move(edge)));
  bundle_ = std::move(bundle);
  RemovePartials(full);
  return {};
}

Result<void> Publisher::WriteTiles(const std::vector<TileFile>& tiles) {
  std::vector<io::FileContent> files;
  for (const TileFile& tile : tiles) {
    files.push_back({PathOf(TilePath(tile.id)), tile.bytes});
    TRY(folders_.Make(io::ParentOf(files.back().path)));
  }
  return io::WriteFilesDurably(fs_, files);
}

Result<void> Publisher::WriteCheckpoint(TreeEdge edge) {
  auto next = std::make_shared<Published>();
  next->edge = std::move(edge);
  next->root = next->edge.Root();
  next->checkpoint = signer_.Sign(CheckpointText(signer_.origin(), next->size(), next->root));
  TRY(io::WriteFileDurably(fs_, PathOf(kCheckpoint), next->checkpoint));
  MutexLock lock(mutex_);
  published_ = std::move(next);
  return {};
}

// The partial forms of tiles that are full now: readers fall back to the full one (C2SP). What cannot be removed stays, unread.
void Publisher::RemovePartials(const std::vector<TileFile>& tiles) {
  for (const TileFile& tile : tiles) {
    const std::string folder = PathOf(PartialFolder(tile.id.level, tile.id.number));
    auto names = fs_.List(folder);
    if (!names) continue;
    for (const std::string& name : *names) std::ignore = fs_.Remove(folder + "/" + name);
    folders_.Forget(folder);
    if (auto removed = fs_.RemoveFolder(folder); !removed)
      LOG_WARN("ledger.partial_left", F("folder", folder), F("why", removed.error().message));
  }
}

}  // namespace beleg::ledger
