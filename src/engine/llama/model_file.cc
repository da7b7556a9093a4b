#include "engine/llama/model_file.h"

#include <fcntl.h>
#include <gguf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/log.h"
#include "wire/sha256.h"

namespace beleg::engine {
namespace {

constexpr size_t kReadBytes = 1 << 20;
constexpr uint64_t kProgressBytes = uint64_t{2} << 30;

class File {
 public:
  explicit File(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

std::unexpected<Error> FailErrno(const std::string& path, int error) {
  ErrorCode code = error == ENOENT || error == ENOTDIR ? ErrorCode::kNotFound
                   : error == EACCES || error == EPERM ? ErrorCode::kPermissionDenied
                   : error == EIO                      ? ErrorCode::kDataLoss
                                                       : ErrorCode::kInternal;
  return Fail(code, "{}: {}", path, std::strerror(error));
}

// Reads until size bytes or the end of the file.
Result<size_t> Read(const File& file, const std::string& path, char* bytes, size_t size) {
  size_t done = 0;
  while (done < size) {
    ssize_t got = ::read(file.fd(), bytes + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return FailErrno(path, errno);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

using Gguf = std::unique_ptr<gguf_context, decltype(&gguf_free)>;

// A GGUF's tensors need not lie in order; padding after the last one may be missing.
uint64_t WantedBytes(const gguf_context* gguf) {
  uint64_t data_bytes = 0;
  for (int64_t i = 0; i < gguf_get_n_tensors(gguf); ++i) {
    data_bytes =
        std::max<uint64_t>(data_bytes, gguf_get_tensor_offset(gguf, i) + gguf_get_tensor_size(gguf, i));
  }
  return gguf_get_data_offset(gguf) + data_bytes;
}

bool IsSplit(const gguf_context* gguf) {
  int64_t key = gguf_find_key(gguf, "split.count");
  return key >= 0 && gguf_get_kv_type(gguf, key) == GGUF_TYPE_UINT16 && gguf_get_val_u16(gguf, key) > 1;
}

}  // namespace

Result<uint64_t> CheckModelFile(const std::string& path) {
  File file(path);
  if (file.fd() < 0) return FailErrno(path, errno);
  struct stat stat;
  if (::fstat(file.fd(), &stat) != 0) return FailErrno(path, errno);
  if (!S_ISREG(stat.st_mode)) return Fail(ErrorCode::kInvalidArgument, "{}: not a file", path);
  auto found = static_cast<uint64_t>(stat.st_size);

  char magic[4];
  TRY_ASSIGN(size_t got, Read(file, path, magic, sizeof magic));
  if (got < sizeof magic || std::memcmp(magic, "GGUF", 4) != 0) {
    return Fail(ErrorCode::kDataLoss, "{}: not a GGUF file: it does not begin with GGUF ({} bytes)", path,
                found);
  }
  Gguf gguf(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = nullptr}), gguf_free);
  if (!gguf)
    return Fail(ErrorCode::kDataLoss, "{}: the GGUF header is damaged or cut short ({} bytes)", path, found);
  if (uint64_t wanted = WantedBytes(gguf.get()); found < wanted) {
    return Fail(ErrorCode::kDataLoss, "{}: cut short: the header describes {} bytes, the file has {}", path,
                wanted, found);
  }
  if (IsSplit(gguf.get())) {
    return Fail(ErrorCode::kUnimplemented, "{}: one part of a split model; merge it into one file", path);
  }
  return found;
}

Result<Hash32> HashModelFile(const std::string& path) {
  File file(path);
  if (file.fd() < 0) return FailErrno(path, errno);
  ::posix_fadvise(file.fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
  wire::Sha256Stream hash;
  std::string buffer(kReadBytes, '\0');
  for (uint64_t done = 0;;) {
    TRY_ASSIGN(size_t got, Read(file, path, buffer.data(), buffer.size()));
    hash.Update(std::string_view(buffer).substr(0, got));
    if (got < buffer.size()) return hash.Finish();
    done += got;
    if (done % kProgressBytes == 0) LOG_INFO("engine.hashing", F("path", path), F("bytes", done));
  }
}

}  // namespace beleg::engine
