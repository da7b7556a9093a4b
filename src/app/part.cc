#include "app/part.h"

#include "app/command.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/file.h"

namespace beleg::app {
namespace {

constexpr int64_t kPollMs = 20;
constexpr size_t kLogTailBytes = 2000;

}  // namespace

Part::Part(std::string name, std::vector<std::string> arguments, std::string run_dir, Environment environment)
    : name_(std::move(name)),
      run_dir_(std::move(run_dir)),
      arguments_(std::move(arguments)),
      environment_(std::move(environment)) {}

Result<void> Part::Spawn() {
  io::FileSystem& fs = io::PosixFileSystem();
  TRY_ASSIGN(bool stale, fs.Exists(RunPath()));
  if (stale) TRY(fs.Remove(RunPath()));
  TRY_ASSIGN(std::string self, io::SelfPath());
  io::ChildOptions options;
  options.argv = {self};
  options.argv.insert(options.argv.end(), arguments_.begin(), arguments_.end());
  options.argv.insert(options.argv.end(), {"--run-file", RunPath()});
  options.environment = environment_;
  options.stdout_path = options.stderr_path = LogPath();
  TRY_ASSIGN(child_, io::Child::Spawn(options));
  started_mono_us_ = SystemClock().MonoMicros();
  ready_mono_us_ = restart_mono_us_ = 0;
  return {};
}

Result<void> Part::StartAndWait(std::chrono::milliseconds limit) {
  TRY(Spawn());
  int64_t deadline_us = started_mono_us_ + limit.count() * 1000;
  while (!IsReady()) {
    if (auto status = child_->Poll())
      return Fail(ErrorCode::kUnavailable, "{} ended with {} before it was ready:\n{}", name_, *status,
                  LogTail());
    if (SystemClock().MonoMicros() > deadline_us)
      return Fail(ErrorCode::kDeadlineExceeded, "{} was not ready after {} s; its log: {}", name_,
                  limit.count() / 1000, LogPath());
    if (WaitForStopSignal(kPollMs) != 0)
      return Fail(ErrorCode::kCancelled, "stopped before {} was ready", name_);
  }
  return {};
}

bool Part::IsReady() {
  if (ready_mono_us_ != 0) return true;
  auto file = ReadRunFile(RunPath());
  if (!file || file->pid != child_->pid()) return false;
  run_file_ = std::move(*file);
  ready_mono_us_ = SystemClock().MonoMicros();
  return true;
}

void Part::Watch() {
  if (restart_mono_us_ != 0) return Restart();
  if (!child_) return;
  std::optional<int> status = child_->Poll();
  if (!status) {
    IsReady();  // notes the time
    return;
  }
  std::optional<std::chrono::milliseconds> ready_for;
  if (ready_mono_us_ != 0)
    ready_for = std::chrono::milliseconds((SystemClock().MonoMicros() - ready_mono_us_) / 1000);
  WaitToRestart(ready_for, fmt::format("ended with {}", *status));
}

void Part::Restart() {
  if (SystemClock().MonoMicros() < restart_mono_us_) return;
  if (auto spawned = Spawn(); !spawned) WaitToRestart(std::nullopt, spawned.error().message);
}

void Part::WaitToRestart(std::optional<std::chrono::milliseconds> ready_for, std::string_view why) {
  std::chrono::milliseconds pause = pause_.AfterEnd(ready_for);
  LOG_WARN("up.part_down", F("part", name_), F("why", why), F("restart_in_ms", pause.count()));
  restart_mono_us_ = SystemClock().MonoMicros() + pause.count() * 1000;
}

void Part::Stop(std::chrono::milliseconds limit) {
  restart_mono_us_ = 0;
  if (child_ && !child_->Poll()) child_->Stop(limit);
  child_.reset();
}

std::string Part::LogTail() const {
  auto log = io::ReadFile(io::PosixFileSystem(), LogPath());
  if (!log) return log.error().message;
  size_t start = log->size() > kLogTailBytes ? log->find('\n', log->size() - kLogTailBytes) + 1 : 0;
  return log->substr(start);
}

}  // namespace beleg::app
