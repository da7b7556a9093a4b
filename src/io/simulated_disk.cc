#include "io/simulated_disk.h"

#include <algorithm>
#include <iterator>

#include "io/durable.h"

namespace beleg::io {
namespace {

std::unexpected<Error> Missing(const std::string& path) {
  return Fail(ErrorCode::kNotFound, "{}: no such file", path);
}

constexpr uint64_t kSectorBytes = 512, kPageBytes = 4096;

std::string_view NameOf(DiskAct act) {
  switch (act) {
    case DiskAct::kCreate: return "create";
    case DiskAct::kWrite: return "write";
    case DiskAct::kTruncate: return "truncate";
    case DiskAct::kReserve: return "reserve room";
    case DiskAct::kSync: return "sync";
    case DiskAct::kRename: return "rename";
    case DiskAct::kRemove: return "remove";
    case DiskAct::kMakeFolder: return "make folder";
    case DiskAct::kRemoveFolder: return "remove folder";
    case DiskAct::kSyncFolder: return "sync";
  }
  return "";
}

// What File::Sync promises of its errors.
Result<void> AsSyncError(Result<void> result) {
  if (!result) result.error().code = ErrorCode::kDataLoss;
  return result;
}

}  // namespace

class SimulatedFile final : public File {
 public:
  SimulatedFile(SimulatedDisk& disk, std::string path, SimulatedDisk::Entry inode, uint64_t epoch)
      : disk_(disk), path_(std::move(path)), inode_(std::move(inode)), epoch_(epoch) {}

  Result<std::string> ReadAt(uint64_t offset, size_t size) override {
    MutexLock lock(disk_.mutex_);
    if (inode_->cache_lies && disk_.Below(4) == 0) SimulatedDisk::ReadAnew(*inode_);
    return inode_->cached.Read(offset, size);
  }
  Result<void> WriteAt(uint64_t offset, std::string_view bytes) override {
    MutexLock lock(disk_.mutex_);
    const bool was_dead = is_dead();
    auto asked = Ask(DiskAct::kWrite);
    if (asked) asked = NeedRoomUpTo(offset + bytes.size());
    if (!asked && !was_dead && !bytes.empty()) ChangeFirstSectors(offset, bytes);
    TRY(asked);
    Change(offset, bytes);
    return {};
  }
  Result<uint64_t> Size() override {
    MutexLock lock(disk_.mutex_);
    return inode_->cached.size();
  }
  Result<void> Truncate(uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    TRY(Ask(DiskAct::kTruncate));
    Resize(size);
    return {};
  }
  Result<void> Allocate(uint64_t offset, uint64_t size) override {
    MutexLock lock(disk_.mutex_);
    TRY(Ask(DiskAct::kReserve));
    TRY(NeedRoomUpTo(offset + size));
    Resize(std::max<uint64_t>(inode_->cached.size(), offset + size));
    return {};
  }
  Result<void> Sync() override {
    MutexLock lock(disk_.mutex_);
    auto asked = AsSyncError(Ask(DiskAct::kSync));
    if (!asked && !is_dead()) disk_.FailSync(*inode_);
    TRY(asked);
    for (const auto& change : inode_->pending) SimulatedDisk::Apply(inode_->durable, change);
    inode_->pending.clear();
    return {};
  }
  const std::string& path() const override { return path_; }

 private:
  bool is_dead() const REQUIRES(disk_.mutex_) {
    return epoch_ != disk_.epoch_ || disk_.calls_ >= disk_.kill_at_;
  }
  Result<void> Ask(DiskAct act) REQUIRES(disk_.mutex_) {
    if (epoch_ != disk_.epoch_) return Fail(ErrorCode::kInternal, "{}: its process is dead", path_);
    return disk_.Ask(act, path_);
  }
  Result<void> NeedRoomUpTo(uint64_t end) REQUIRES(disk_.mutex_) {
    const uint64_t size = inode_->cached.size();
    return end <= size ? Result<void>() : disk_.NeedRoom(path_, end - size);
  }
  void Change(uint64_t offset, std::string_view bytes) REQUIRES(disk_.mutex_) {
    inode_->pending.push_back({offset, SparseBytes(bytes), std::nullopt});
    SimulatedDisk::Apply(inode_->cached, inode_->pending.back());
  }
  // Of a write that fails: some of it, never all, or it would not have failed. File systems write whole blocks.
  void ChangeFirstSectors(uint64_t offset, std::string_view bytes) REQUIRES(disk_.mutex_) {
    const uint64_t end = (offset + disk_.Below(bytes.size())) / kSectorBytes * kSectorBytes;
    if (end > offset) Change(offset, bytes.substr(0, end - offset));
  }
  void Resize(uint64_t size) REQUIRES(disk_.mutex_) {
    inode_->pending.push_back({0, SparseBytes(), size});
    SimulatedDisk::Apply(inode_->cached, inode_->pending.back());
  }

  SimulatedDisk& disk_;
  const std::string path_;
  const SimulatedDisk::Entry inode_;
  const uint64_t epoch_;
};

class SimulatedLock final : public FolderLock {
 public:
  SimulatedLock(SimulatedDisk& disk, std::string folder, uint64_t epoch)
      : disk_(disk), folder_(std::move(folder)), epoch_(epoch) {}
  ~SimulatedLock() override {
    MutexLock lock(disk_.mutex_);
    if (epoch_ == disk_.epoch_) disk_.locks_.erase(folder_);
  }

 private:
  SimulatedDisk& disk_;
  const std::string folder_;
  const uint64_t epoch_;
};

void SimulatedDisk::SetFault(Fault fault) {
  MutexLock lock(mutex_);
  fault_ = std::move(fault);
}

uint64_t SimulatedDisk::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

void SimulatedDisk::KillAt(uint64_t call) {
  MutexLock lock(mutex_);
  kill_at_ = call;
}

bool SimulatedDisk::is_dead() const {
  MutexLock lock(mutex_);
  return calls_ >= kill_at_;
}

void SimulatedDisk::SetCapacity(std::optional<uint64_t> bytes) {
  MutexLock lock(mutex_);
  capacity_ = bytes;
}

uint64_t SimulatedDisk::used_bytes() const {
  MutexLock lock(mutex_);
  return UsedBytes();
}

uint64_t SimulatedDisk::UsedBytes() const {
  uint64_t bytes = 0;
  for (const auto& [path, inode] : names_)
    if (inode != nullptr) bytes += inode->cached.size();
  return bytes;
}

void SimulatedDisk::Kill() {
  MutexLock lock(mutex_);
  ++epoch_;
  kill_at_ = UINT64_MAX;
  locks_.clear();
}

void SimulatedDisk::CutPower() {
  Kill();
  MutexLock lock(mutex_);
  CutNames();
  for (auto& [path, inode] : names_) {
    if (inode == nullptr) continue;
    for (const Change& change : inode->pending) ApplyPart(inode->durable, change);
    inode->pending.clear();
    ReadAnew(*inode);
  }
}

// Of the changes of names that were not synced nothing is kept, or all, or each by chance.
void SimulatedDisk::CutNames() {
  const uint64_t fate = Below(3);
  for (auto& [folder, changes] : pending_names_)
    for (const NameChange& change : changes)
      if (fate == 1 || (fate == 2 && Below(2) == 0)) Apply(durable_names_, change);
  pending_names_.clear();
  names_ = durable_names_;
  // A folder that did not make it takes with it what was in it.
  for (auto it = names_.begin(); it != names_.end();) {
    const std::string parent = ParentOf(it->first);
    it = parent != "/" && !names_.contains(parent) ? names_.erase(it) : std::next(it);
  }
  durable_names_ = names_;
}

// Of a write that was not synced: nothing, its front, some of its sectors or pages, or all.
void SimulatedDisk::ApplyPart(SparseBytes& bytes, const Change& change) {
  const uint64_t fate = Below(4);
  if (fate == 0) return;
  if (fate == 1 || change.size) return Apply(bytes, change);
  if (fate == 2)
    return Apply(bytes, {change.offset, change.bytes.Part(0, Below(change.bytes.size() + 1)), {}});
  const uint64_t block_bytes = Below(2) == 0 ? kSectorBytes : kPageBytes;
  for (uint64_t at = 0; at < change.bytes.size();) {
    const uint64_t offset = change.offset + at;
    const uint64_t size = std::min(block_bytes - offset % block_bytes, change.bytes.size() - at);
    if (Below(2) == 0) Apply(bytes, {offset, change.bytes.Part(at, size), {}});
    at += size;
  }
}

void SimulatedDisk::FailSync(Inode& inode) {
  for (const Change& change : inode.pending) ApplyPart(inode.durable, change);
  inode.pending.clear();
  inode.cache_lies = true;
}

void SimulatedDisk::ReadAnew(Inode& inode) {
  inode.cached = inode.durable;
  for (const Change& change : inode.pending) Apply(inode.cached, change);
  inode.cache_lies = false;
}

void SimulatedDisk::Apply(SparseBytes& bytes, const Change& change) {
  if (change.size)
    bytes.Resize(*change.size);
  else
    bytes.Write(change.offset, change.bytes);
}

void SimulatedDisk::Apply(std::map<std::string, Entry>& names, const NameChange& change) {
  if (!change.gone.empty()) names.erase(change.gone);
  if (!change.made.empty()) names[change.made] = change.entry;
}

void SimulatedDisk::ChangeNames(const std::string& folder, NameChange change) {
  Apply(names_, change);
  pending_names_[folder].push_back(std::move(change));
}

Result<void> SimulatedDisk::Ask(DiskAct act, const std::string& path) {
  if (++calls_ >= kill_at_) return Fail(ErrorCode::kInternal, "{}: its process is dead", path);
  if (!fault_) return {};
  auto asked = fault_({calls_, act, path});
  if (!asked) return Fail(std::move(asked.error()), "{}: cannot {}", path, NameOf(act));
  return {};
}

Result<void> SimulatedDisk::NeedRoom(const std::string& path, uint64_t bytes) {
  if (!capacity_ || UsedBytes() + bytes <= *capacity_) return {};
  return Fail(ErrorCode::kResourceExhausted, "{}: no space left", path);
}

Result<void> SimulatedDisk::NeedParent(const std::string& path) {
  const std::string parent = ParentOf(path);
  if (parent == "/" || names_.contains(parent)) return {};
  return Missing(parent);
}

std::map<std::string, SparseBytes> SimulatedDisk::Contents() const {
  MutexLock lock(mutex_);
  std::map<std::string, SparseBytes> contents;
  for (const auto& [path, inode] : names_)
    if (inode != nullptr) contents.emplace(path, inode->cached);
  return contents;
}

Result<std::unique_ptr<File>> SimulatedDisk::Open(const std::string& path, OpenMode mode, int) {
  MutexLock lock(mutex_);
  auto it = names_.find(path);
  if (it != names_.end() && mode == OpenMode::kCreate)
    return Fail(ErrorCode::kAlreadyExists, "{}: is there", path);
  if (it == names_.end()) {
    if (mode == OpenMode::kRead) return Missing(path);
    TRY(NeedParent(path));
    TRY(Ask(DiskAct::kCreate, path));
    ChangeNames(ParentOf(path), {"", path, std::make_shared<Inode>()});
    it = names_.find(path);
  }
  if (it->second == nullptr) return Fail(ErrorCode::kInternal, "{}: is a folder", path);
  return std::make_unique<SimulatedFile>(*this, path, it->second, epoch_);
}

Result<void> SimulatedDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mutex_);
  auto it = names_.find(from);
  if (it == names_.end()) return Missing(from);
  TRY(NeedParent(to));
  TRY(Ask(DiskAct::kRename, to));
  ChangeNames(ParentOf(to), {from, to, it->second});
  return {};
}

Result<void> SimulatedDisk::Remove(const std::string& path) {
  MutexLock lock(mutex_);
  auto it = names_.find(path);
  if (it == names_.end() || it->second == nullptr) return Missing(path);
  TRY(Ask(DiskAct::kRemove, path));
  ChangeNames(ParentOf(path), {path, "", nullptr});
  return {};
}

Result<void> SimulatedDisk::RemoveFolder(const std::string& folder) {
  MutexLock lock(mutex_);
  if (!names_.contains(folder)) return Missing(folder);
  auto after = names_.upper_bound(folder + "/");
  if (after != names_.end() && after->first.starts_with(folder + "/"))
    return Fail(ErrorCode::kInternal, "{}: is not empty", folder);
  TRY(Ask(DiskAct::kRemoveFolder, folder));
  ChangeNames(ParentOf(folder), {folder, "", nullptr});
  return {};
}

Result<std::vector<std::string>> SimulatedDisk::List(const std::string& folder) {
  MutexLock lock(mutex_);
  if (!names_.contains(folder)) return Missing(folder);
  std::vector<std::string> out;
  for (const auto& [path, inode] : names_)
    if (ParentOf(path) == folder) out.push_back(path.substr(folder.size() + 1));
  return out;
}

Result<void> SimulatedDisk::MakeFolders(const std::string& folder, int) {
  MutexLock lock(mutex_);
  for (size_t slash = folder.find('/', 1);; slash = folder.find('/', slash + 1)) {
    const std::string part = folder.substr(0, slash);
    if (!names_.contains(part)) {
      TRY(Ask(DiskAct::kMakeFolder, part));
      ChangeNames(ParentOf(part), {"", part, nullptr});
    }
    if (slash == std::string::npos) return {};
  }
}

Result<void> SimulatedDisk::SyncFolder(const std::string& folder) {
  MutexLock lock(mutex_);
  if (folder != "/" && !names_.contains(folder)) return Missing(folder);
  TRY(AsSyncError(Ask(DiskAct::kSyncFolder, folder)));
  for (const NameChange& change : pending_names_[folder]) Apply(durable_names_, change);
  pending_names_.erase(folder);
  return {};
}

Result<bool> SimulatedDisk::Exists(const std::string& path) {
  MutexLock lock(mutex_);
  return path == "/" || names_.contains(path);
}

Result<uint64_t> SimulatedDisk::FreeBytes(const std::string&) {
  MutexLock lock(mutex_);
  if (!capacity_) return uint64_t{1} << 40;
  return *capacity_ - std::min(*capacity_, UsedBytes());
}

Result<std::unique_ptr<FolderLock>> SimulatedDisk::Lock(const std::string& folder) {
  MutexLock lock(mutex_);
  if (!locks_.insert(folder).second) return Fail(ErrorCode::kFailedPrecondition, "{}: in use", folder);
  return std::make_unique<SimulatedLock>(*this, folder, epoch_);
}

SimulatedDisk::Fault FailsFrom(uint64_t call) {
  return [call](const DiskCall& asked) -> Result<void> {
    if (asked.number < call) return {};
    return Fail(ErrorCode::kDataLoss, "the disk is gone");
  };
}

}  // namespace beleg::io
