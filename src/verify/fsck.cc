#include "verify/fsck.h"

#include <optional>

#include "verify/proof.h"
#include "verify/tree.h"
#include "wire/sha256.h"

namespace beleg::verify {
namespace {

constexpr uint64_t kWidth = 256;
constexpr size_t kHashBytes = 32;

// One run over one log.
class Checker {
 public:
  Checker(const TileSource& source, const VerifierKey& key,
          const std::function<void(uint64_t, std::string_view)>& on_entry, MissingFront missing_front)
      : source_(source), key_(key), on_entry_(on_entry), missing_front_(missing_front) {}

  Result<FsckReport> Run() {
    TRY_ASSIGN(bool readable, ReadCheckpoint());
    if (!readable) return std::move(report_);
    for (uint64_t number = 0; hashed_ < report_.checkpoint.size; ++number) {
      TRY_ASSIGN(bool go_on, CheckBundle(number));
      if (!go_on) return std::move(report_);
    }
    for (size_t level = 0; level < rows_.size(); ++level)
      if (!rows_[level].hashes.empty()) TRY(CheckRow(static_cast<int>(level)));
    if (root_.Root() != report_.checkpoint.root)
      Find("checkpoint: root is {}, the entries give {}", HexEncode(AsView(report_.checkpoint.root)),
           HexEncode(AsView(root_.Root())));
    return std::move(report_);
  }

 private:
  // The tile of a level that is being filled.
  struct Row {
    uint64_t number = 0;
    std::string hashes;
    bool from_tile =
        false;  // taken from the tile itself, since the entries are unreadable: nothing to compare
  };

  template <class... Args>
  void Find(fmt::format_string<Args...> format, Args&&... args) {
    report_.findings.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  // False: there is nothing to go on with.
  Result<bool> ReadCheckpoint();
  // False: stop here.
  Result<bool> CheckBundle(uint64_t number);
  // Whether the bundle is missing as those of a pruned log are.
  Result<bool> IsPruned(uint64_t number, int width);
  // nullopt, and a finding, when the entries cannot be read.
  Result<std::optional<std::vector<std::string>>> ReadEntries(uint64_t number, int width);
  // nullopt, and a finding, when the tile cannot be read. The first `width` hashes.
  Result<std::optional<std::string>> ReadHashes(int level, uint64_t number, int width);
  Result<void> AddLeaf(const Hash32& hash);
  Result<void> AddHash(size_t level, const Hash32& hash);
  // Compares a level's row with its tile.
  Result<void> CheckRow(int level);

  const TileSource& source_;
  const VerifierKey& key_;
  const std::function<void(uint64_t, std::string_view)>& on_entry_;
  const MissingFront missing_front_;
  FsckReport report_;
  RootHasher root_;
  std::vector<Row> rows_{1};
  uint64_t hashed_ = 0;  // leaves known so far
};

Result<bool> Checker::ReadCheckpoint() {
  auto bytes = source_("checkpoint");
  if (!bytes && bytes.error().code == ErrorCode::kNotFound) return Find("checkpoint: missing"), false;
  if (!bytes) return Fail(std::move(bytes.error()), "checkpoint");
  auto opened = OpenCheckpoint(*bytes, key_);
  if (opened) {
    report_.checkpoint = std::move(*opened);
    return true;
  }
  // An unsigned claim can still be compared with the entries, which tells what kind of damage this is.
  Find("checkpoint: {}", opened.error().message);
  auto note = ParseNote(*bytes);
  if (!note) return false;
  auto claim = ParseCheckpoint(note->text);
  if (!claim) return false;
  report_.checkpoint = std::move(*claim);
  return true;
}

Result<bool> Checker::CheckBundle(uint64_t number) {
  if (report_.findings.size() >= kFindingsMax) {
    Find("more than {} findings: stopped at entry {}", kFindingsMax, hashed_);
    return false;
  }
  int width = TileWidth(report_.checkpoint.size, -1, number);
  TRY_ASSIGN(bool pruned, IsPruned(number, width));
  std::optional<std::vector<std::string>> entries;
  if (!pruned) {
    TRY_ASSIGN(entries, ReadEntries(number, width));
  }
  if (entries) {
    for (std::string& entry : *entries) {
      if (on_entry_) on_entry_(hashed_, entry);
      ++report_.entries;
      TRY(AddLeaf(wire::MerkleLeafHash(entry)));
    }
    return true;
  }
  TRY_ASSIGN(auto hashes, ReadHashes(0, number, width));
  if (!hashes) {
    Find("entries from {} on: neither bundle nor tile can be read, so the rest is not checked", hashed_);
    return false;
  }
  rows_[0].from_tile = true;
  for (int i = 0; i < width; ++i) TRY(AddLeaf(HashAt(*hashes, static_cast<size_t>(i))));
  if (pruned) report_.first_entry = hashed_;
  return true;
}

Result<bool> Checker::IsPruned(uint64_t number, int width) {
  if (missing_front_ != MissingFront::kIsPruned || report_.first_entry != hashed_) return false;
  auto file = FetchTile(source_, -1, number, width);
  if (file || file.error().code == ErrorCode::kDataLoss) return false;
  if (file.error().code != ErrorCode::kNotFound) return std::unexpected(std::move(file.error()));
  return true;
}

Result<std::optional<std::vector<std::string>>> Checker::ReadEntries(uint64_t number, int width) {
  auto file = FetchTile(source_, -1, number, width);
  if (!file && (file.error().code == ErrorCode::kNotFound || file.error().code == ErrorCode::kDataLoss)) {
    Find("{}", file.error().message);
    return std::nullopt;
  }
  if (!file) return std::unexpected(std::move(file.error()));
  auto entries = SplitBundle(file->bytes);
  if (!entries) {
    Find("{}: {}", file->path, entries.error().message);
    return std::nullopt;
  }
  size_t want = file->path == TilePath(-1, number) ? kWidth : static_cast<size_t>(width);
  if (entries->size() != want) Find("{}: {} entries, want {}", file->path, entries->size(), want);
  if (entries->size() < static_cast<size_t>(width)) return std::nullopt;
  entries->resize(static_cast<size_t>(width));
  return std::move(*entries);
}

Result<std::optional<std::string>> Checker::ReadHashes(int level, uint64_t number, int width) {
  auto file = FetchTile(source_, level, number, width);
  if (!file && file.error().code == ErrorCode::kNotFound) {
    Find("{}", file.error().message);
    return std::nullopt;
  }
  if (!file) return std::unexpected(std::move(file.error()));
  size_t want = kHashBytes * (file->path == TilePath(level, number) ? kWidth : static_cast<size_t>(width));
  if (file->bytes.size() != want) {
    Find("{}: {} bytes, want {}", file->path, file->bytes.size(), want);
    return std::nullopt;
  }
  file->bytes.resize(kHashBytes * static_cast<size_t>(width));
  return std::move(file->bytes);
}

Result<void> Checker::AddLeaf(const Hash32& hash) {
  root_.Add(hash);
  ++hashed_;
  return AddHash(0, hash);
}

Result<void> Checker::AddHash(size_t level, const Hash32& hash) {
  if (level == rows_.size()) rows_.emplace_back();
  rows_[level].hashes += AsView(hash);
  if (rows_[level].hashes.size() < kWidth * kHashBytes) return {};
  TRY(CheckRow(static_cast<int>(level)));
  Hash32 parent = SubtreeRoots(rows_[level].hashes)[0];
  rows_[level] = Row{.number = rows_[level].number + 1, .hashes = {}, .from_tile = false};
  return AddHash(level + 1, parent);
}

Result<void> Checker::CheckRow(int level) {
  const Row& row = rows_[static_cast<size_t>(level)];
  if (row.from_tile) return {};
  size_t width = row.hashes.size() / kHashBytes;
  TRY_ASSIGN(auto tile, ReadHashes(level, row.number, static_cast<int>(width)));
  if (!tile || *tile == row.hashes) return {};
  size_t first = width, wrong = 0;
  for (size_t i = width; i-- > 0;)
    if (HashAt(*tile, i) != HashAt(row.hashes, i)) first = i, ++wrong;
  std::string more = wrong > 1 ? fmt::format(" (and {} more)", wrong - 1) : "";
  std::string path = TilePath(level, row.number, static_cast<int>(width));
  if (level == 0)
    Find("{}: hash at byte {} is not that of entry {}{}", path, first * kHashBytes,
         row.number * kWidth + first, more);
  else
    Find("{}: hash at byte {} is not that of tile {}{}", path, first * kHashBytes,
         TilePath(level - 1, row.number * kWidth + first), more);
  return {};
}

}  // namespace

Result<FsckReport> Fsck(const TileSource& source, const VerifierKey& key,
                        const std::function<void(uint64_t index, std::string_view entry)>& on_entry,
                        MissingFront missing_front) {
  return Checker(source, key, on_entry, missing_front).Run();
}

}  // namespace beleg::verify
