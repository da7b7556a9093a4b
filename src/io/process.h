// Child processes that die with their parent.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace beleg::io {

struct ChildOptions {
  std::vector<std::string> argv;  // argv[0] is the program's path
  std::vector<std::pair<std::string, std::string>> environment;  // added to ours
  std::string stdout_path;        // append to this file; "": inherit
  std::string stderr_path;
};

class Child {
 public:
  // SIGKILLed by the kernel when this process dies (PR_SET_PDEATHSIG), in its own process group, so that a terminal's Ctrl-C
  // reaches only the parent, which then stops its children in order.
  static Result<Child> Spawn(const ChildOptions& options);

  pid_t pid() const { return pid_; }
  // The exit status (128 + signal when killed), or nullopt while it runs.
  std::optional<int> Poll();
  void Signal(int number);
  // SIGTERM, then SIGKILL after the limit; returns the exit status.
  int Stop(std::chrono::milliseconds limit);

 private:
  pid_t pid_ = -1;
  std::optional<int> status_;
};

// The path of the running program.
Result<std::string> SelfPath();

}  // namespace beleg::io
