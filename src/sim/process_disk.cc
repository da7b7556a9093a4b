#include "sim/process_disk.h"

namespace beleg::sim {
namespace {

using io::DiskAct;

class ProcessFile final : public io::File {
 public:
  ProcessFile(std::unique_ptr<io::File> file, const ProcessDisk::Before& before,
              const ProcessDisk::BeforeRead& before_read)
      : file_(std::move(file)), before_(before), before_read_(before_read) {}

  Result<std::string> ReadAt(uint64_t offset, size_t size) override {
    TRY(before_read_(path()));
    return file_->ReadAt(offset, size);
  }
  Result<void> WriteAt(uint64_t offset, std::string_view bytes) override {
    return Goes(DiskAct::kWrite) ? file_->WriteAt(offset, bytes) : Result<void>();
  }
  Result<uint64_t> Size() override { return file_->Size(); }
  Result<void> Truncate(uint64_t size) override {
    return Goes(DiskAct::kTruncate) ? file_->Truncate(size) : Result<void>();
  }
  Result<void> Allocate(uint64_t offset, uint64_t size) override {
    return Goes(DiskAct::kReserve) ? file_->Allocate(offset, size) : Result<void>();
  }
  Result<void> Sync() override { return Goes(DiskAct::kSync) ? file_->Sync() : Result<void>(); }
  const std::string& path() const override { return file_->path(); }

 private:
  bool Goes(DiskAct act) { return before_({0, act, file_->path()}); }

  const std::unique_ptr<io::File> file_;
  const ProcessDisk::Before& before_;
  const ProcessDisk::BeforeRead& before_read_;
};

}  // namespace

Result<std::unique_ptr<io::File>> ProcessDisk::Open(const std::string& path, io::OpenMode mode,
                                                    int permissions) {
  if (mode != io::OpenMode::kRead)
    std::ignore = Goes(DiskAct::kCreate, path);  // there is no way to leave it out
  TRY_ASSIGN(auto file, disk_.Open(path, mode, permissions));
  return std::make_unique<ProcessFile>(std::move(file), before_, before_read_);
}

Result<void> ProcessDisk::Rename(const std::string& from, const std::string& to) {
  return Goes(DiskAct::kRename, to) ? disk_.Rename(from, to) : Result<void>();
}

Result<void> ProcessDisk::Remove(const std::string& path) {
  return Goes(DiskAct::kRemove, path) ? disk_.Remove(path) : Result<void>();
}

Result<void> ProcessDisk::RemoveFolder(const std::string& folder) {
  return Goes(DiskAct::kRemoveFolder, folder) ? disk_.RemoveFolder(folder) : Result<void>();
}

Result<void> ProcessDisk::MakeFolders(const std::string& folder, int permissions) {
  return Goes(DiskAct::kMakeFolder, folder) ? disk_.MakeFolders(folder, permissions) : Result<void>();
}

Result<void> ProcessDisk::SyncFolder(const std::string& folder) {
  return Goes(DiskAct::kSyncFolder, folder) ? disk_.SyncFolder(folder) : Result<void>();
}

}  // namespace beleg::sim
