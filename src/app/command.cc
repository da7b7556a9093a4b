#include "app/command.h"

#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <ctime>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/rng.h"
#include "io/durable.h"

namespace beleg::app {
namespace {

constexpr size_t kTokenBytesMax = 4096;

sigset_t StopSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGINT);
  ::sigaddset(&set, SIGTERM);
  return set;
}

}  // namespace

int Complain(std::string_view command, const Error& error) {
  fmt::print(stderr, "beleg {}: {}\n", command, error.message);
  return kExitError;
}

void BlockStopSignals() {
  sigset_t set = StopSignals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a file at the limit of its size (RLIMIT_FSIZE) is no room: EFBIG
}

int WaitForStopSignal(int64_t limit_ms) {
  sigset_t set = StopSignals();
  timespec limit{limit_ms / 1000, (limit_ms % 1000) * 1'000'000};
  int signal = ::sigtimedwait(&set, nullptr, &limit);
  return signal > 0 ? signal : 0;
}

int WaitForStopSignal() {
  sigset_t set = StopSignals();
  int signal = 0;
  while (::sigwait(&set, &signal) != 0) {}
  return signal;
}

Result<std::string> ReadToken(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    return Fail(ErrorCode::kPermissionDenied, "{}: others may read this secret (mode {:o}): chmod 600", path,
                status.st_mode & 0777);
  TRY_ASSIGN(std::string token, io::ReadFile(io::PosixFileSystem(), path, kTokenBytesMax));
  while (!token.empty() && (token.back() == '\n' || token.back() == ' ')) token.pop_back();
  if (token.empty()) return Fail(ErrorCode::kInvalidArgument, "{}: no token inside", path);
  return token;
}

Result<std::string> ReadOrMakeToken(const std::string& path) {
  TRY_ASSIGN(bool exists, io::PosixFileSystem().Exists(path));
  if (exists) return ReadToken(path);
  SystemRng rng;
  std::string token = HexEncode(AsView(rng.Draw<std::array<uint8_t, 24>>()));
  TRY(io::WriteFileDurably(io::PosixFileSystem(), path, token + "\n", 0600));
  return token;
}

Result<void> CheckBind(const std::string& host, bool authenticated, bool insecure_no_auth,
                       std::string_view what) {
  bool loopback = host == "localhost" || host.starts_with("127.") || host == "::1";
  if (loopback || authenticated || insecure_no_auth) return {};
  return Fail(
      ErrorCode::kInvalidArgument,
      "{} would be open to the network at {} without authentication: set a key, bind to 127.0.0.1, or say "
      "--insecure-no-auth",
      what, host.empty() ? "every address" : host);
}

}  // namespace beleg::app
