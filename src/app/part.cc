#include "app/part.h"

#include <algorithm>

#include "app/command.h"
#include "base/clock.h"
#include "base/log.h"
#include "io/file.h"

namespace beleg::app {
namespace {

constexpr int64_t kPollMs = 20;
constexpr std::chrono::milliseconds kPauseMin{500}, kPauseMax{30'000};
constexpr int64_t kSteadyAfterUs =
    30'000'000;  // a part that ran this long starts with the shortest pause again
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
  restart_mono_us_ = 0;
  return {};
}

Result<void> Part::StartAndWait(std::chrono::milliseconds limit) {
  TRY(Spawn());
  int64_t deadline_us = started_mono_us_ + limit.count() * 1000;
  while (true) {
    if (auto file = ReadRunFile(RunPath()); file && file->pid == child_->pid()) {
      run_file_ = std::move(*file);
      return {};
    }
    if (auto status = child_->Poll())
      return Fail(ErrorCode::kUnavailable, "{} ended with {} before it was ready:\n{}", name_, *status,
                  LogTail());
    if (SystemClock().MonoMicros() > deadline_us)
      return Fail(ErrorCode::kDeadlineExceeded, "{} was not ready after {} s; its log: {}", name_,
                  limit.count() / 1000, LogPath());
    if (WaitForStopSignal(kPollMs) != 0)
      return Fail(ErrorCode::kCancelled, "stopped before {} was ready", name_);
  }
}

void Part::Watch() {
  int64_t now_us = SystemClock().MonoMicros();
  if (restart_mono_us_ != 0) {
    if (now_us < restart_mono_us_) return;
    if (auto spawned = Spawn(); !spawned) {
      LOG_ERROR("up.restart", F("part", name_), F("why", spawned.error().message));
      restart_mono_us_ = now_us + kPauseMax.count() * 1000;
    }
    return;
  }
  if (!child_) return;
  std::optional<int> status = child_->Poll();
  if (!status) return;
  pause_ =
      now_us - started_mono_us_ > kSteadyAfterUs ? kPauseMin : std::clamp(pause_ * 2, kPauseMin, kPauseMax);
  LOG_WARN("up.part_ended", F("part", name_), F("status", *status), F("restart_in_ms", pause_.count()));
  restart_mono_us_ = now_us + pause_.count() * 1000;
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
