// Part: one child of `up`: started, watched, started again with back-off when it ends, stopped.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/restart_pause.h"
#include "app/run_file.h"
#include "io/process.h"

namespace beleg::app {

class Part {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  // arguments: after the program's own path; environment: added to ours. Its output goes to RUN_DIR/NAME.log, its run file is
  // RUN_DIR/NAME.json.
  Part(std::string name, std::vector<std::string> arguments, std::string run_dir,
       Environment environment = {});

  // Starts it and waits until its run file is there. Errors: kUnavailable with the last lines of its log when it ended,
  // kDeadlineExceeded, kCancelled when a stop signal came meanwhile.
  Result<void> StartAndWait(std::chrono::milliseconds limit);

  // Starts it again if it ended, after a RestartPause. Called from a loop.
  void Watch();

  void Stop(std::chrono::milliseconds limit);

  const RunFile& run_file() const { return run_file_; }
  const std::string& name() const { return name_; }

 private:
  Result<void> Spawn();
  // Whether the child that runs has written its run file. Once it has, nothing is read any more.
  bool IsReady();
  void Restart();
  void WaitToRestart(std::optional<std::chrono::milliseconds> ready_for, std::string_view why);
  std::string LogTail() const;
  std::string LogPath() const { return run_dir_ + "/" + name_ + ".log"; }
  std::string RunPath() const { return run_dir_ + "/" + name_ + ".json"; }

  const std::string name_, run_dir_;
  const std::vector<std::string> arguments_;
  const Environment environment_;
  std::optional<io::Child> child_;
  RunFile run_file_;
  int64_t started_mono_us_ = 0;
  int64_t ready_mono_us_ = 0;    // 0: not ready yet
  int64_t restart_mono_us_ = 0;  // 0: not waiting to start again
  RestartPause pause_;
};

}  // namespace beleg::app
