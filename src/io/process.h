// Child processes that die with their parent.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace beleg::io {

struct ChildOptions {
  std::vector<std::string> argv;                                 // argv[0] is the program's path
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string stdout_path;                                       // append to this file; "": inherit
  std::string stderr_path;
};

class Child {
 public:
  // SIGKILLed by the kernel when this process dies (PR_SET_PDEATHSIG), in its own process group, so that a terminal's Ctrl-C
  // reaches only the parent, which then stops its children in order. The kernel ties the child to the calling thread, which
  // must therefore live as long as the child should. kNotFound, kPermissionDenied: the program or a file of the options.
  static Result<Child> Spawn(const ChildOptions& options);

  pid_t pid() const { return pid_; }
  // The exit status (128 + signal when killed), or nullopt while it runs.
  std::optional<int> Poll();
  void Signal(int number);
  // Waits for the end up to the limit; nullopt when it still runs then.
  std::optional<int> Wait(std::chrono::milliseconds limit);
  // SIGTERM, then SIGKILL to its group after the limit; returns the exit status.
  int Stop(std::chrono::milliseconds limit);

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
  std::optional<int> status_;
};

// The path of the running program.
Result<std::string> SelfPath();

}  // namespace beleg::io
