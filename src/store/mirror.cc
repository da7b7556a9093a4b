#include "store/mirror.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/log.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "bundle/compression_thread.h"
#include "io/durable.h"
#include "store/ledger_client.h"
#include "store/log_follower.h"

namespace beleg::store {
namespace {

constexpr uint64_t kLeavesAtOnce = 1024;
constexpr size_t kSubmissionsMax = 16;  // that wait for the thread; more are refused

// A submitted checkpoint on its way through the thread. Shared: the one who asked may have gone when it is answered.
struct Submitted {
  witness::Submission submission;
  std::optional<net::HttpResponse> answer;
};

class MirrorImpl final : public Mirror {
 public:
  MirrorImpl(MirrorOptions options, Store& store, std::unique_ptr<LedgerClient> client)
      : options_(std::move(options)), store_(store), client_(std::move(client)), disk_(options_.on_fatal) {
    state_.url = options_.url;
    state_.grew_unix_us = clock().UnixMicros();
  }
  ~MirrorImpl() override { Close(); }

  // What is here already goes to the store before the ledger is asked for anything.
  Result<void> Start();

  MirrorState state() const override {
    MutexLock lock(mutex_);
    MirrorState out = state_;
    out.silent = IsSilent();
    return out;
  }
  Result<void> Refresh(std::chrono::milliseconds limit) override;
  net::HttpResponse AddCheckpoint(witness::Submission submission, std::chrono::milliseconds limit) override;
  Result<std::string> Entry(uint64_t index) override {
    TRY_ASSIGN(MirrorCopy * copy, Copy());
    TRY_ASSIGN(auto entries, copy->Entries(index, 1));
    return std::move(entries[0]);
  }
  Result<std::string> Proof(uint64_t index) override {
    TRY_ASSIGN(MirrorCopy * copy, Copy());
    return copy->Proof(index);
  }
  Result<std::string> ReadResource(std::string_view path) override {
    TRY_ASSIGN(MirrorCopy * copy, Copy());
    return copy->ReadResource(path);
  }
  void Close() override;

 private:
  void Run(std::stop_token stop);
  void AnswerSubmitted(const std::stop_token& stop);
  Result<void> Round(bool ask_tip, const std::stop_token& stop);
  Result<void> OpenLog(const std::string& vkey);
  void StartCompression();
  Result<void> Feed();
  void NoteLog();
  void Publish(const Result<void>& round);
  void TellSilence() REQUIRES(mutex_);
  Result<MirrorCopy*> Copy() const;
  const Clock& clock() const { return options_.clock != nullptr ? *options_.clock : system_clock_; }
  bool IsSilent() const REQUIRES(mutex_) {
    return clock().UnixMicros() - state_.grew_unix_us >
           std::chrono::microseconds(options_.silence_limit).count();
  }

  const MirrorOptions options_;
  const SystemClock system_clock_;
  Store& store_;
  const std::unique_ptr<LedgerClient> client_;
  DiskTrust disk_;
  std::unique_ptr<LogFollower>
      log_;  // set once, by Start or the thread, and the thread's; its copy is read by any through copy_ready_

  mutable Mutex mutex_;
  CondVar wake_;  // the thread: a round is wanted, a checkpoint was submitted, or the end
  CondVar done_;  // waiters of Refresh and AddCheckpoint: a round ended, an answer is there
  MirrorState state_ GUARDED_BY(mutex_);
  MirrorCopy* copy_ready_ GUARDED_BY(mutex_) = nullptr;
  uint64_t started_ GUARDED_BY(mutex_) = 0, finished_ GUARDED_BY(mutex_) = 0,
                    wanted_ GUARDED_BY(mutex_) = 0;  // rounds
  Result<void> last_ GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<Submitted>> submitted_ GUARDED_BY(mutex_);  // answers too
  bool told_silent_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
  Thread thread_;                                           // it uses all of the above
  std::unique_ptr<bundle::CompressionThread> compression_;  // made with log_; null: bundles stay as they are
};

// The key of the copy in `dir` that came from this URL; "" when there is none.
Result<std::string> FindPinnedKey(io::FileSystem& fs, const std::string& dir, const std::string& url) {
  TRY_ASSIGN(auto names, fs.List(dir));
  for (const std::string& name : names) {
    auto from = io::ReadFile(fs, dir + "/" + name + "/url");
    if (!from || *from != url + "\n") continue;
    TRY_ASSIGN(std::string vkey, io::ReadFile(fs, dir + "/" + name + "/vkey"));
    if (vkey.ends_with('\n')) vkey.pop_back();
    return vkey;
  }
  return std::string();
}

// At first contact: the key that is shown there; or that of the copy which is here already, when the log has moved to another URL,
// since the log may have a new key by now, to which the pinned one leads.
Result<std::string> KeyToPin(io::FileSystem& fs, const std::string& dir, const std::string& shown) {
  TRY_ASSIGN(const verify::VerifierKey key, verify::ParseVerifierKey(shown));
  auto pinned = io::ReadFile(fs, dir + "/" + FolderOf(key.name) + "/vkey");
  if (!pinned && pinned.error().code == ErrorCode::kNotFound) return shown;
  if (pinned && pinned->ends_with('\n')) pinned->pop_back();
  return pinned;
}

Result<void> MirrorImpl::Start() {
  TRY(io::MakeFoldersDurably(*options_.fs, options_.dir, 0700));
  std::string vkey = options_.vkey;
  if (vkey.empty()) {
    TRY_ASSIGN(vkey, FindPinnedKey(*options_.fs, options_.dir, options_.url));
  }
  if (!vkey.empty()) {
    TRY(OpenLog(vkey));
    TRY(Feed());
  }
  thread_ = Thread("mirror", [this](std::stop_token stop) { Run(stop); });
  return {};
}

Result<void> MirrorImpl::OpenLog(const std::string& vkey) {
  const LogFollowerOptions options{.fs = options_.fs,
                                   .clock = &clock(),
                                   .disk = &disk_,
                                   .client = client_.get(),
                                   .cosigner = options_.cosigner};
  TRY_ASSIGN(log_, LogFollower::Open(options, options_.dir, vkey, options_.url));
  {
    MutexLock lock(mutex_);
    copy_ready_ = &log_->copy();
    state_.origin = log_->copy().key().name;
    state_.size = log_->copy().checkpoint().size;
    if (log_->cosigned_unix_s() > 0) state_.grew_unix_us = log_->cosigned_unix_s() * 1'000'000;
  }
  NoteLog();
  StartCompression();
  return {};
}

// What the thread did to the log, for all.
void MirrorImpl::NoteLog() {
  const uint64_t size = log_->copy().checkpoint().size;
  const std::vector<verify::VerifierKey>& keys = log_->keys();
  MutexLock lock(mutex_);
  if (size > state_.size) state_.grew_unix_us = clock().UnixMicros();
  state_.size = size;
  state_.cosigned_unix_s = log_->cosigned_unix_s();
  state_.diverged = !log_->copy().divergence().empty();
  if (state_.diverged) state_.problem = log_->copy().divergence();
  state_.vkey = verify::FormatVerifierKey(keys[0].name, keys[0].public_key);
  state_.other_vkeys.clear();
  for (size_t i = 1; i < keys.size(); ++i)
    state_.other_vkeys.push_back(verify::FormatVerifierKey(keys[i].name, keys[i].public_key));
}

// Beside the thread that grows the copy: it touches only what the kept checkpoint covers, that one only what follows.
void MirrorImpl::StartCompression() {
  if (!options_.compress_closed_days) return;
  bundle::CompressorOptions compressor{
      .fs = options_.fs, .clock = &clock(), .folder = log_->copy().dir(), .size = [this] {
        return log_->copy().checkpoint().size;
      }};
  compression_ = std::make_unique<bundle::CompressionThread>(
      std::move(compressor),
      [this](const Error& error) { std::ignore = disk_.Judge(std::unexpected<Error>(error)); });
}

Result<MirrorCopy*> MirrorImpl::Copy() const {
  MutexLock lock(mutex_);
  if (copy_ready_ == nullptr)
    return Fail(ErrorCode::kUnavailable, "{}: nothing of this log is here yet", options_.url);
  return copy_ready_;
}

Result<void> MirrorImpl::Refresh(std::chrono::milliseconds limit) {
  const SystemClock clock;
  const int64_t deadline_us = clock.MonoMicros() + std::chrono::microseconds(limit).count();
  MutexLock lock(mutex_);
  // A round that runs already may have asked before the caller's records were there; the next one asks after.
  const uint64_t round = started_ + 1;
  wanted_ = std::max(wanted_, round);
  wake_.NotifyOne();
  while (finished_ < round) {
    if (closed_) return Fail(ErrorCode::kUnavailable, "the mirror is closed");
    const int64_t left_us = deadline_us - clock.MonoMicros();
    if (left_us <= 0)
      return Fail(ErrorCode::kDeadlineExceeded, "{}: not done within {} ms", options_.url, limit.count());
    done_.WaitFor(mutex_, std::chrono::microseconds(left_us));
  }
  return last_;
}

void MirrorImpl::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
    wake_.NotifyAll();
    done_.NotifyAll();
  }
  if (!thread_.joinable()) return;
  thread_.RequestStop();
  client_->Cancel();
  thread_.Join();
  if (compression_) compression_->Close();
}

void MirrorImpl::Run(std::stop_token stop) {
  int64_t polled_mono_us = INT64_MIN / 2;
  for (;;) {
    bool round = false, ask_tip = false;
    {
      MutexLock lock(mutex_);
      const int64_t left_us = polled_mono_us + std::chrono::microseconds(options_.poll_interval).count() -
                              system_clock_.MonoMicros();
      if (!closed_ && wanted_ <= started_ && submitted_.empty() && left_us > 0)
        wake_.WaitFor(mutex_, std::chrono::microseconds(left_us));
      if (closed_) return;
      ask_tip = wanted_ > started_;
      // Submitted checkpoints need no round of their own: it feeds the store's columns, which are no part of their answer.
      round = ask_tip || left_us <= 0;
      if (round) ++started_;
    }
    AnswerSubmitted(stop);
    if (!round) continue;
    polled_mono_us = system_clock_.MonoMicros();
    Publish(Round(ask_tip, stop));
  }
}

net::HttpResponse MirrorImpl::AddCheckpoint(witness::Submission submission, std::chrono::milliseconds limit) {
  auto submitted = std::make_shared<Submitted>(Submitted{std::move(submission), std::nullopt});
  const int64_t deadline_us = system_clock_.MonoMicros() + std::chrono::microseconds(limit).count();
  MutexLock lock(mutex_);
  if (submitted_.size() >= kSubmissionsMax) return TryLater("too many checkpoints wait");
  submitted_.push_back(submitted);
  wake_.NotifyOne();
  while (!submitted->answer) {
    if (closed_) return TryLater("the mirror is closed");
    const int64_t left_us = deadline_us - system_clock_.MonoMicros();
    if (left_us <= 0) return TryLater("the mirror is behind");
    done_.WaitFor(mutex_, std::chrono::microseconds(left_us));
  }
  return *submitted->answer;
}

void MirrorImpl::AnswerSubmitted(const std::stop_token& stop) {
  for (;;) {
    std::shared_ptr<Submitted> next;
    {
      MutexLock lock(mutex_);
      if (closed_ || submitted_.empty()) return;
      next = std::move(submitted_.front());
      submitted_.pop_front();
    }
    net::HttpResponse answer = TryLater("nothing of this log is here yet");
    if (log_ != nullptr) {
      answer = log_->Judge(next->submission, stop);
      NoteLog();
    }
    MutexLock lock(mutex_);
    next->answer = std::move(answer);
    done_.NotifyAll();
  }
}

void MirrorImpl::Publish(const Result<void>& round) {
  const std::string problem = round ? "" : round.error().message;
  const uint64_t size = log_ == nullptr ? 0 : log_->copy().checkpoint().size;
  if (options_.metrics != nullptr && log_ != nullptr) {
    const MetricLabels labels = {{"origin", log_->copy().key().name}};
    options_.metrics->AddGauge("beleg_mirror_size", "Leaves of the newest mirrored checkpoint.", labels)
        .Set(static_cast<double>(size));
    options_.metrics->AddGauge("beleg_mirror_ok", "1 while the log can be mirrored, else 0.", labels)
        .Set(round ? 1 : 0);
  }
  MutexLock lock(mutex_);
  if (problem != state_.problem && !closed_) {
    if (problem.empty()) LOG_INFO("store.mirror.well", F("url", options_.url), F("size", size));
    if (!problem.empty()) LOG_WARN("store.mirror.problem", F("url", options_.url), F("problem", problem));
  }
  TellSilence();
  state_.problem = problem;
  if (round) state_.last_contact_unix_us = clock().UnixMicros();
  finished_ = started_;
  last_ = round;
  done_.NotifyAll();
}

void MirrorImpl::TellSilence() {
  const bool silent = IsSilent();
  if (options_.metrics != nullptr && log_ != nullptr) {
    options_.metrics
        ->AddGauge("beleg_mirror_silent", "1 while the log has not grown for longer than allowed, else 0.",
                   {{"origin", log_->copy().key().name}})
        .Set(silent ? 1 : 0);
  }
  if (silent == std::exchange(told_silent_, silent)) return;
  if (silent)
    LOG_ERROR("store.mirror.silent", F("url", options_.url), F("origin", state_.origin),
              F("size", state_.size), F("limit_s", options_.silence_limit.count()));
  else
    LOG_INFO("store.mirror.grows_again", F("url", options_.url), F("size", state_.size));
}

Result<void> MirrorImpl::Round(bool ask_tip, const std::stop_token& stop) {
  TRY(disk_.Check());
  if (log_ != nullptr) TRY(log_->Check());
  if (ask_tip || log_ == nullptr) {
    TRY_ASSIGN(LedgerClient::Tip tip, client_->FetchTip());
    if (log_ == nullptr) {
      TRY_ASSIGN(const std::string vkey, KeyToPin(*options_.fs, options_.dir, tip.vkey));
      TRY(OpenLog(vkey));
    }
  }
  const Result<void> polled = log_->Poll(stop);
  NoteLog();
  TRY(polled);
  return Feed();
}

Result<void> MirrorImpl::Feed() {
  MirrorCopy& copy = log_->copy();
  const verify::Checkpoint mine = copy.checkpoint();
  for (uint64_t next = store_.NextLeaf(mine.origin); next < mine.size; next = store_.NextLeaf(mine.origin)) {
    TRY_ASSIGN(auto entries, copy.Entries(next, std::min(kLeavesAtOnce, mine.size - next)));
    std::vector<Store::MirroredLeaf> leaves;
    for (std::string& entry : entries) leaves.push_back({next + leaves.size(), std::move(entry)});
    TRY(store_.AddRecords(mine.origin, leaves));
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Mirror>> Mirror::Open(MirrorOptions options, Store& store) {
  if (options.fs == nullptr) options.fs = &io::PosixFileSystem();
  TRY_ASSIGN(auto client, LedgerClient::Open(options.url, options.token));
  auto mirror = std::make_unique<MirrorImpl>(std::move(options), store, std::move(client));
  TRY(mirror->Start());
  return mirror;
}

}  // namespace beleg::store
