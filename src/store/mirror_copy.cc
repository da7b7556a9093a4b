#include "store/mirror_copy.h"

#include <algorithm>

#include "base/log.h"
#include "bundle/stored.h"
#include "io/durable.h"
#include "verify/cosignature.h"
#include "verify/proof.h"

namespace beleg::store {
namespace {

constexpr size_t kSmallFileMax = 64 << 10;

// The text of a small file without its newline; "" when there is none.
Result<std::string> ReadLine(io::FileSystem& fs, const std::string& path) {
  auto text = io::ReadFile(fs, path, kSmallFileMax);
  if (!text && text.error().code == ErrorCode::kNotFound) return std::string();
  if (text && text->ends_with('\n')) text->pop_back();
  return text;
}

// Writes a small file unless it says the same already.
Result<void> WriteLine(io::FileSystem& fs, const std::string& path, const std::string& line) {
  TRY_ASSIGN(std::string old, ReadLine(fs, path));
  if (old == line) return {};
  return io::WriteFileDurably(fs, path, line + "\n");
}

bool IsResourcePath(std::string_view path) {
  if (path == "checkpoint") return true;
  if (path.ends_with(bundle::kCompressedSuffix)) return false;  // a form of a file, no file of the log
  return (path.starts_with("tile/") || path.starts_with("keys/")) &&
         path.find("..") == std::string_view::npos && std::all_of(path.begin(), path.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '/' || c == '.' || c == '-';
         });
}

}  // namespace

std::string FolderOf(std::string_view origin) {
  std::string out;
  for (char c : origin) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || (c == '.' && !out.empty());
    if (plain) {
      out += c;
    } else {
      out += "%" + HexEncode(std::string_view(&c, 1));
    }
  }
  return out;
}

Result<std::unique_ptr<MirrorCopy>> MirrorCopy::Open(io::FileSystem& fs, const std::string& dir,
                                                     const std::string& vkey, const std::string& url,
                                                     const verify::VerifierKey* cosigner) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(vkey));
  TRY(io::MakeFoldersDurably(fs, dir));
  TRY_ASSIGN(auto lock, fs.Lock(dir));
  TRY_ASSIGN(std::string pinned, ReadLine(fs, dir + "/vkey"));
  if (!pinned.empty() && pinned != vkey) {
    return Fail(ErrorCode::kFailedPrecondition, "{}: pinned to key {}, not {}", dir, pinned, vkey);
  }
  TRY(WriteLine(fs, dir + "/vkey", vkey));
  TRY(WriteLine(fs, dir + "/url", url));
  std::unique_ptr<MirrorCopy> copy(new MirrorCopy(fs, dir, vkey, std::move(key), std::move(lock)));
  TRY(copy->Load(cosigner));
  return copy;
}

Result<void> MirrorCopy::Load(const verify::VerifierKey* cosigner) {
  TRY_ASSIGN(divergence_, ReadLine(fs_, dir_ + "/diverged/why"));
  auto note = io::ReadFile(fs_, dir_ + "/checkpoint", kSmallFileMax);
  if (!note && note.error().code == ErrorCode::kNotFound) {
    MutexLock lock(mutex_);
    checkpoint_ = {key_.name, 0, edge_.Root()};
    return {};
  }
  if (!note) return std::unexpected<Error>(note.error());
  TRY_ASSIGN(const verify::VerifierKey signer, verify::KeyOfCheckpoint(Source(), key_));
  auto checkpoint = verify::OpenCheckpoint(*note, signer);
  if (!checkpoint) return Fail(checkpoint.error(), "{}/checkpoint", dir_);
  TRY(Rebuild(*checkpoint));
  if (cosigner != nullptr) {
    TRY_ASSIGN(verify::Note parsed, verify::ParseNote(*note));
    cosigned_unix_s_ = verify::CheckCosignature(parsed, *cosigner).value_or(0);
  }
  MutexLock lock(mutex_);
  checkpoint_ = *std::move(checkpoint);
  note_ = *std::move(note);
  return {};
}

Result<void> MirrorCopy::Rebuild(const verify::Checkpoint& checkpoint) {
  const verify::TileSource source = Source();
  for (uint64_t number = 0; edge_.size() < checkpoint.size; ++number) {
    const int width = verify::TileWidth(checkpoint.size, 0, number);
    TRY_ASSIGN(verify::TileFile bundle, verify::FetchTile(source, -1, number, width));
    auto entries = verify::SplitBundle(bundle.bytes);
    if (!entries) return Fail(entries.error(), "{}/{}", dir_, bundle.path);
    if (entries->size() < static_cast<size_t>(width))
      return Fail(ErrorCode::kDataLoss, "{}/{}: cut short", dir_, bundle.path);
    for (int i = 0; i < width; ++i) edge_.Add((*entries)[static_cast<size_t>(i)]);
    TRY(Repair(edge_.TakeFull()));
  }
  if (edge_.Root() != checkpoint.root) {
    return Fail(ErrorCode::kDataLoss, "{}: the entries of this copy do not give the root of its checkpoint",
                dir_);
  }
  return Repair(edge_.Partial());
}

// Tiles follow from the entries, so that a damaged one can be made again. (A damaged bundle shows in the root.)
Result<void> MirrorCopy::Repair(const std::vector<LogEdge::File>& files) {
  for (const LogEdge::File& file : files) {
    auto there = ReadResource(file.path);
    if (there && *there == file.bytes) continue;
    LOG_WARN("store.mirror.repaired", F("file", dir_ + "/" + file.path));
    TRY(Write({file}));
  }
  return {};
}

verify::Checkpoint MirrorCopy::checkpoint() const {
  MutexLock lock(mutex_);
  return checkpoint_;
}

Result<void> MirrorCopy::Write(const std::vector<LogEdge::File>& files) {
  std::vector<std::string> paths;
  for (const LogEdge::File& file : files) paths.push_back(dir_ + "/" + file.path);
  std::vector<io::FileContent> contents;
  for (size_t i = 0; i < files.size(); ++i) {
    TRY(folders_.Make(io::ParentOf(paths[i])));
    contents.push_back({paths[i], files[i].bytes});
  }
  return io::WriteFilesDurably(fs_, contents);
}

Result<void> MirrorCopy::Accept(LogEdge grown, const verify::Checkpoint& checkpoint, std::string_view note) {
  TRY(Write(grown.Partial()));
  TRY(io::WriteFileDurably(fs_, dir_ + "/checkpoint", note));
  const std::vector<LogEdge::File> old_partial = edge_.Partial();
  edge_ = std::move(grown);
  MutexLock lock(mutex_);
  checkpoint_ = checkpoint;
  note_ = note;
  RemoveStale(old_partial);
  return {};
}

// The partial forms of tiles that are full now: readers fall back to the full one (C2SP). Until then they stay, for whoever still
// reads an older checkpoint.
void MirrorCopy::RemoveStale(const std::vector<LogEdge::File>& old_partial) {
  const std::vector<LogEdge::File> partial = edge_.Partial();
  for (const LogEdge::File& old : old_partial) {
    const std::string folder = io::ParentOf(old.path);
    const bool still_partial = std::any_of(partial.begin(), partial.end(), [&](const LogEdge::File& file) {
      return io::ParentOf(file.path) == folder;
    });
    if (!still_partial) RemoveFolder(dir_ + "/" + folder);
  }
}

void MirrorCopy::RemoveFolder(const std::string& folder) {
  auto names = fs_.List(folder);
  if (!names) return;
  for (const std::string& name : *names) std::ignore = fs_.Remove(folder + "/" + name);
  folders_.Forget(folder);
  std::ignore = fs_.RemoveFolder(folder);  // what is too much does no harm
}

Result<void> MirrorCopy::KeepContradiction(const verify::Checkpoint& checkpoint, std::string_view note,
                                           std::string_view why) {
  divergence_ = why;
  const std::string folder = dir_ + "/diverged";
  TRY(io::MakeFoldersDurably(fs_, folder));
  const std::string name =
      fmt::format("{}-{}", checkpoint.size, HexEncode(AsView(checkpoint.root)).substr(0, 16));
  TRY(io::WriteFileDurably(fs_, folder + "/" + name, note));
  return io::WriteFileDurably(fs_, folder + "/why", divergence_ + "\n");
}

Result<std::vector<std::string>> MirrorCopy::Entries(uint64_t first, uint64_t count) {
  MutexLock lock(mutex_);
  return verify::TileReader(Source(), checkpoint_).Entries(first, count);
}

Result<std::string> MirrorCopy::Proof(uint64_t index) {
  MutexLock lock(mutex_);
  verify::TlogProof proof;
  proof.index = index;
  TRY_ASSIGN(proof.hashes, verify::TileReader(Source(), checkpoint_).InclusionProof(index));
  proof.checkpoint = note_;
  return verify::FormatTlogProof(proof);
}

Result<std::string> MirrorCopy::ReadResource(std::string_view path) const {
  if (!IsResourcePath(path)) return Fail(ErrorCode::kInvalidArgument, "{}: no file of a log", path);
  return bundle::ReadLogFile(fs_, dir_, path);
}

verify::TileSource MirrorCopy::Source() const {
  return [this](const std::string& path) { return ReadResource(path); };
}

}  // namespace beleg::store
