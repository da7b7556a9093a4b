#include "io/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace beleg::io {
namespace {

std::string ErrnoText(int number) {
  char text[128];
  return ::strerror_r(number, text, sizeof(text));
}

// The two argument arrays of execve, owned.
class ExecArguments {
 public:
  explicit ExecArguments(const ChildOptions& options) : argv_text_(options.argv) {
    for (char** entry = ::environ; *entry != nullptr; ++entry)
      if (!IsReplaced(*entry, options)) environment_text_.emplace_back(*entry);
    for (const auto& [name, value] : options.environment) environment_text_.push_back(name + "=" + value);
    argv_ = Pointers(argv_text_);
    environment_ = Pointers(environment_text_);
  }
  char* const* argv() const { return argv_.data(); }
  char* const* environment() const { return environment_.data(); }

 private:
  static bool IsReplaced(std::string_view entry, const ChildOptions& options) {
    std::string_view name = entry.substr(0, entry.find('='));
    return std::ranges::any_of(options.environment, [&](const auto& pair) { return pair.first == name; });
  }
  static std::vector<char*> Pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
  }

  std::vector<std::string> argv_text_, environment_text_;
  std::vector<char*> argv_, environment_;
};

// Runs in the child, where after fork of a process with threads only async-signal-safe calls are allowed.
[[noreturn]] void BecomeChild(const ExecArguments& arguments, pid_t parent, int out, int err, int report) {
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP}) ::signal(number, SIG_DFL);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  if (out >= 0) ::dup2(out, STDOUT_FILENO);
  if (err >= 0) ::dup2(err, STDERR_FILENO);
  ::execve(arguments.argv()[0], arguments.argv(), arguments.environment());
  int number = errno;
  if (::write(report, &number, sizeof(number)) < 0) ::_exit(126);
  ::_exit(127);
}

// -1 for "", which means: inherit.
Result<int> OpenForAppend(const std::string& path) {
  if (path.empty()) return -1;
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Fail(ErrorCode::kPermissionDenied, "{}: cannot open: {}", path, ErrnoText(errno));
  return fd;
}

void CloseIfOpen(int fd) {
  if (fd >= 0) ::close(fd);
}

// The errno of a failed exec; 0 when it worked, which closed the child's end of the pipe.
int ReadReport(int fd) {
  int number = 0;
  ssize_t got;
  do got = ::read(fd, &number, sizeof(number));
  while (got < 0 && errno == EINTR);
  return got == sizeof(number) ? number : 0;
}

Result<pid_t> Start(const ChildOptions& options, int out, int err) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0)
    return Fail(ErrorCode::kResourceExhausted, "pipe: {}", ErrnoText(errno));
  const ExecArguments arguments(options);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) BecomeChild(arguments, parent, out, err, report[1]);
  const int fork_errno = errno;
  ::close(report[1]);
  const int exec_errno = pid > 0 ? ReadReport(report[0]) : 0;
  ::close(report[0]);
  if (pid < 0) return Fail(ErrorCode::kResourceExhausted, "fork: {}", ErrnoText(fork_errno));
  if (exec_errno != 0) {
    ::waitpid(pid, nullptr, 0);
    return Fail(exec_errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kPermissionDenied,
                "{}: cannot run: {}", options.argv[0], ErrnoText(exec_errno));
  }
  return pid;
}

int StatusOf(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// Returns when the process has ended or the limit is over.
void WaitForEnd(pid_t pid, std::chrono::milliseconds limit) {
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return;
  pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
  int ready;
  do ready = ::poll(&wanted, 1, static_cast<int>(limit.count()));
  while (ready < 0 && errno == EINTR);
  ::close(fd);
}

}  // namespace

Result<Child> Child::Spawn(const ChildOptions& options) {
  CHECK(!options.argv.empty(), "argv[0] is the program");
  TRY_ASSIGN(int out, OpenForAppend(options.stdout_path));
  auto err = OpenForAppend(options.stderr_path);
  auto pid = err ? Start(options, out, *err) : Result<pid_t>(std::unexpected<Error>(err.error()));
  CloseIfOpen(out);
  if (err) CloseIfOpen(*err);
  if (!pid) return std::unexpected<Error>(std::move(pid).error());
  return Child(*pid);
}

std::optional<int> Child::Poll() {
  int wait_status = 0;
  if (!status_ && ::waitpid(pid_, &wait_status, WNOHANG) == pid_) status_ = StatusOf(wait_status);
  return status_;
}

void Child::Signal(int number) {
  if (!Poll()) ::kill(pid_, number);
}

std::optional<int> Child::Wait(std::chrono::milliseconds limit) {
  if (!Poll()) WaitForEnd(pid_, limit);
  return Poll();
}

int Child::Stop(std::chrono::milliseconds limit) {
  Signal(SIGTERM);
  if (!Wait(limit)) {
    ::kill(-pid_, SIGKILL);  // the whole group: what it started must not outlive it
    int wait_status = 0;
    while (::waitpid(pid_, &wait_status, 0) < 0 && errno == EINTR) {}
    status_ = StatusOf(wait_status);
  }
  return *status_;
}

Result<std::string> SelfPath() {
  std::string path(4096, '\0');
  ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
  if (size < 0) return Fail(ErrorCode::kInternal, "/proc/self/exe: {}", ErrnoText(errno));
  path.resize(static_cast<size_t>(size));
  return path;
}

}  // namespace beleg::io
