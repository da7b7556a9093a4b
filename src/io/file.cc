#include "io/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <tuple>
#include <utility>

namespace beleg::io {
namespace {

ErrorCode CodeOf(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR: return ErrorCode::kNotFound;
    case EEXIST: return ErrorCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS: return ErrorCode::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE: return ErrorCode::kResourceExhausted;
    case EIO: return ErrorCode::kDataLoss;
    default: return ErrorCode::kInternal;
  }
}

std::unexpected<Error> FailErrno(std::string_view path, std::string_view act, int number = errno) {
  char text[128];
  return Fail(CodeOf(number), "{}: cannot {}: {}", path, act, ::strerror_r(number, text, sizeof(text)));
}

std::unexpected<Error> FailSync(std::string_view path) {
  return Fail(ErrorCode::kDataLoss, "{}", FailErrno(path, "sync").error().message);
}

// Calls until it is not interrupted by a signal.
template <class Call>
auto Retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Owns a descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(std::string path, Descriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<std::string> ReadAt(uint64_t offset, size_t size) override {
    std::string out(size, '\0');
    size_t got = 0;
    while (got < size) {
      ssize_t n = Retry(
          [&] { return ::pread(fd_.get(), out.data() + got, size - got, static_cast<off_t>(offset + got)); });
      if (n < 0) return FailErrno(path_, "read");
      if (n == 0) break;
      got += static_cast<size_t>(n);
    }
    out.resize(got);
    return out;
  }

  Result<void> WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      ssize_t n =
          Retry([&] { return ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (n < 0) return FailErrno(path_, "write");
      offset += static_cast<uint64_t>(n);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  Result<uint64_t> Size() override {
    struct stat info;
    if (::fstat(fd_.get(), &info) != 0) return FailErrno(path_, "stat");
    return static_cast<uint64_t>(info.st_size);
  }

  Result<void> Truncate(uint64_t size) override {
    if (Retry([&] { return ::ftruncate(fd_.get(), static_cast<off_t>(size)); }) != 0)
      return FailErrno(path_, "truncate");
    return {};
  }

  Result<void> Allocate(uint64_t offset, uint64_t size) override {
    int number = EINTR;  // posix_fallocate returns the number and leaves errno alone
    while (number == EINTR)
      number = ::posix_fallocate(fd_.get(), static_cast<off_t>(offset), static_cast<off_t>(size));
    if (number != 0) return FailErrno(path_, "reserve room", number);
    return {};
  }

  Result<void> Sync() override {
    if (Retry([&] { return ::fdatasync(fd_.get()); }) != 0) return FailSync(path_);
    return {};
  }

  const std::string& path() const override { return path_; }

 private:
  const std::string path_;
  const Descriptor fd_;
};

class PosixLock final : public FolderLock {
 public:
  explicit PosixLock(Descriptor fd) : fd_(std::move(fd)) {}

 private:
  const Descriptor fd_;
};

int FlagsOf(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead: return O_RDONLY;
    case OpenMode::kReadWrite: return O_RDWR | O_CREAT;
    case OpenMode::kCreate: return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

Result<Descriptor> OpenDescriptor(const std::string& path, int flags, int permissions = 0) {
  int fd = Retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, permissions); });
  if (fd < 0) return FailErrno(path, (flags & O_EXCL) != 0 ? "create" : "open");
  return Descriptor(fd);
}

class Posix final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, OpenMode mode, int permissions) override {
    TRY_ASSIGN(Descriptor fd, OpenDescriptor(path, FlagsOf(mode), permissions));
    return std::make_unique<PosixFile>(path, std::move(fd));
  }

  Result<void> Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return FailErrno(from, "rename to " + to);
    return {};
  }

  Result<void> Remove(const std::string& path) override {
    if (::unlink(path.c_str()) != 0) return FailErrno(path, "remove");
    return {};
  }

  Result<void> RemoveFolder(const std::string& folder) override {
    if (::rmdir(folder.c_str()) != 0) return FailErrno(folder, "remove folder");
    return {};
  }

  Result<std::vector<std::string>> List(const std::string& folder) override {
    DIR* dir = ::opendir(folder.c_str());
    if (dir == nullptr) return FailErrno(folder, "list");
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* entry = ::readdir(dir)) {
      std::string_view name = entry->d_name;
      if (name != "." && name != "..") names.emplace_back(name);
      errno = 0;
    }
    int number = errno;
    ::closedir(dir);
    if (number != 0) return FailErrno(folder, "list", number);
    std::sort(names.begin(), names.end());
    return names;
  }

  Result<void> MakeFolders(const std::string& folder, int permissions) override {
    for (size_t slash = folder.find('/', 1);; slash = folder.find('/', slash + 1)) {
      std::string part = folder.substr(0, slash);
      if (::mkdir(part.c_str(), static_cast<mode_t>(permissions)) != 0 && errno != EEXIST)
        return FailErrno(part, "make folder");
      if (slash == std::string::npos) break;
    }
    struct stat info;
    if (::stat(folder.c_str(), &info) != 0) return FailErrno(folder, "stat");
    if (!S_ISDIR(info.st_mode))
      return Fail(ErrorCode::kAlreadyExists, "{}: is there and is no folder", folder);
    return {};
  }

  Result<void> SyncFolder(const std::string& folder) override {
    TRY_ASSIGN(Descriptor fd, OpenDescriptor(folder, O_RDONLY | O_DIRECTORY));
    if (Retry([&] { return ::fsync(fd.get()); }) != 0) return FailSync(folder);
    return {};
  }

  Result<bool> Exists(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return FailErrno(path, "stat");
  }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info;
    if (Retry([&] { return ::statvfs(path.c_str(), &info); }) != 0)
      return FailErrno(path, "ask the room left");
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }

  Result<std::unique_ptr<FolderLock>> Lock(const std::string& folder) override {
    const std::string path = folder + "/LOCK";
    TRY_ASSIGN(Descriptor fd, OpenDescriptor(path, O_RDWR | O_CREAT, 0644));
    if (Retry([&] { return ::flock(fd.get(), LOCK_EX | LOCK_NB); }) != 0) {
      if (errno != EWOULDBLOCK) return FailErrno(path, "lock");
      char holder[32] = {};
      ssize_t size = ::pread(fd.get(), holder, sizeof(holder) - 1, 0);
      return Fail(ErrorCode::kFailedPrecondition, "{}: in use by another process{}{}", folder,
                  size > 1 ? ", pid " : "",
                  std::string_view(holder).substr(0, std::string_view(holder).find('\n')));
    }
    // The pid only helps people; that it may fail to be written on a full disk must not keep us out.
    std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd.get(), 0) == 0) std::ignore = ::pwrite(fd.get(), pid.data(), pid.size(), 0);
    return std::make_unique<PosixLock>(std::move(fd));
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static Posix file_system;
  return file_system;
}

Result<std::string> ReadFile(FileSystem& fs, const std::string& path, size_t size_max) {
  TRY_ASSIGN(auto file, fs.Open(path, OpenMode::kRead));
  TRY_ASSIGN(uint64_t size, file->Size());
  if (size > size_max)
    return Fail(ErrorCode::kResourceExhausted, "{}: {} bytes, at most {} are read", path, size, size_max);
  return file->ReadAt(0, size);
}

}  // namespace beleg::io
