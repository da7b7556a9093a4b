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
#include "store/mirror_copy.h"
#include "verify/cosignature.h"
#include "verify/proof.h"
#include "witness/checkpoint_archive.h"

namespace beleg::store {
namespace {

constexpr uint64_t kBundleEntries = 256;
constexpr uint64_t kLeavesAtOnce = 1024;
constexpr size_t kSubmissionsMax = 16;  // that wait for the thread; more are refused

// A submitted checkpoint on its way through the thread. Shared: the one who asked may have gone when it is answered.
struct Submitted {
  witness::Submission submission;
  std::optional<net::HttpResponse> answer;
};

net::HttpResponse TryLater(std::string_view why) {
  return net::MakeResponse(503, "text/plain; charset=utf-8", fmt::format("{}\n", why));
}

class MirrorImpl final : public Mirror {
 public:
  MirrorImpl(MirrorOptions options, Store& store, std::unique_ptr<LedgerClient> client)
      : options_(std::move(options)), store_(store), client_(std::move(client)) {
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
  net::HttpResponse Judge(const witness::Submission& submission, const std::stop_token& stop);
  Result<void> Round(bool ask_tip, const std::stop_token& stop);
  Result<void> OpenCopy(const std::string& vkey);
  void StartCompression();
  Result<verify::Checkpoint> Open(const std::string& note);
  void LearnKeys(const verify::Note& note);
  Result<void> Advance(const verify::Checkpoint& checkpoint, const std::string& note,
                       const std::stop_token& stop);
  Result<LogEdge> FetchUpTo(const verify::Checkpoint& checkpoint, const std::stop_token& stop);
  Result<void> Explain(const verify::Checkpoint& checkpoint, const std::string& note, Error error);
  Result<void> Diverge(const verify::Checkpoint& checkpoint, const std::string& note, const std::string& why);
  Result<std::string> Cosigned(const std::string& note) const;
  Result<void> Archive();
  Result<void> Kept(Result<void> written);
  Result<void> Feed();
  void Publish(const Result<void>& round);
  void TellSilence() REQUIRES(mutex_);
  Result<MirrorCopy*> Copy() const;
  verify::TileSource Source();
  const Clock& clock() const { return options_.clock != nullptr ? *options_.clock : system_clock_; }
  int64_t NowSeconds() const { return clock().UnixMicros() / 1'000'000; }
  bool IsSilent() const REQUIRES(mutex_) {
    return clock().UnixMicros() - state_.grew_unix_us >
           std::chrono::microseconds(options_.silence_limit).count();
  }

  const MirrorOptions options_;
  const SystemClock system_clock_;
  Store& store_;
  const std::unique_ptr<LedgerClient> client_;
  std::string broken_;  // of the thread; "" or why the disk is not trusted any more
  std::unique_ptr<MirrorCopy>
      copy_;  // set once, by Start or the thread; then read by any through copy_ready_
  std::vector<verify::VerifierKey> keys_;  // of the thread: the log's, from the oldest that still signs on
  std::unique_ptr<witness::CheckpointArchive> archive_;  // of the thread; made with copy_

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
  std::unique_ptr<bundle::CompressionThread> compression_;  // made with copy_; null: bundles stay as they are
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
    TRY(OpenCopy(vkey));
    TRY(Feed());
  }
  thread_ = Thread("mirror", [this](std::stop_token stop) { Run(stop); });
  return {};
}

Result<void> MirrorImpl::OpenCopy(const std::string& vkey) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(vkey));
  TRY_ASSIGN(copy_,
             MirrorCopy::Open(*options_.fs, options_.dir + "/" + FolderOf(key.name), vkey, options_.url,
                              options_.cosigner == nullptr ? nullptr : &options_.cosigner->key()));
  TRY_ASSIGN(keys_, copy_->Keys());
  archive_ = std::make_unique<witness::CheckpointArchive>(*options_.fs, copy_->dir() + "/archive");
  {
    MutexLock lock(mutex_);
    if (copy_->cosigned_unix_s() > 0) state_.grew_unix_us = copy_->cosigned_unix_s() * 1'000'000;
    state_.cosigned_unix_s = copy_->cosigned_unix_s();
    copy_ready_ = copy_.get();
    state_.origin = key.name;
    state_.size = copy_->checkpoint().size;
    state_.vkey = vkey;
    state_.diverged = !copy_->divergence().empty();
    state_.problem = copy_->divergence();
  }
  StartCompression();
  if (auto note = copy_->ReadResource("checkpoint")) TRY(Open(*note));  // says which keys still count
  return {};
}

// Beside the thread that grows the copy: it touches only what the kept checkpoint covers, that one only what follows.
void MirrorImpl::StartCompression() {
  if (!options_.compress_closed_days) return;
  bundle::CompressorOptions compressor{
      .fs = options_.fs, .clock = &clock(), .folder = copy_->dir(), .size = [this] {
        return copy_->checkpoint().size;
      }};
  compression_ = std::make_unique<bundle::CompressionThread>(
      std::move(compressor), [this](const Error& error) { TellDiskFailure(options_.on_fatal, error); });
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
    net::HttpResponse answer = Judge(next->submission, stop);
    MutexLock lock(mutex_);
    next->answer = std::move(answer);
    done_.NotifyAll();
  }
}

net::HttpResponse MirrorImpl::Judge(const witness::Submission& submission, const std::stop_token& stop) {
  if (copy_ == nullptr || options_.cosigner == nullptr) return TryLater("nothing is cosigned here");
  if (!broken_.empty()) return TryLater(broken_);
  if (!copy_->divergence().empty()) return TryLater(copy_->divergence());
  const verify::Checkpoint mine = copy_->checkpoint();
  const auto refusal = witness::CheckContinues(submission, mine);
  // It may be a mistake or a rewrite: the log's own tiles say which, and Advance keeps the evidence.
  if (refusal && !refusal->is_evidence) return witness::RefusalAnswer(*refusal, mine.size);
  const Result<void> advanced = Advance(submission.checkpoint, submission.request.note, stop);
  if (!advanced)
    LOG_WARN("store.mirror.not_cosigned", F("url", options_.url), F("why", advanced.error().message));
  if (refusal) return witness::RefusalAnswer(*refusal, mine.size);
  if (!advanced) return TryLater(advanced.error().message);
  return net::MakeResponse(200, "text/plain; charset=utf-8",
                           options_.cosigner->Cosign(submission.note.text, NowSeconds()));
}

void MirrorImpl::Publish(const Result<void>& round) {
  const std::string problem = round ? "" : round.error().message;
  const uint64_t size = copy_ == nullptr ? 0 : copy_->checkpoint().size;
  if (options_.metrics != nullptr && copy_ != nullptr) {
    const MetricLabels labels = {{"origin", copy_->key().name}};
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
  state_.diverged = copy_ != nullptr && !copy_->divergence().empty();
  if (round) state_.last_contact_unix_us = clock().UnixMicros();
  finished_ = started_;
  last_ = round;
  done_.NotifyAll();
}

void MirrorImpl::TellSilence() {
  const bool silent = IsSilent();
  if (options_.metrics != nullptr && copy_ != nullptr) {
    options_.metrics
        ->AddGauge("beleg_mirror_silent", "1 while the log has not grown for longer than allowed, else 0.",
                   {{"origin", copy_->key().name}})
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
  if (!broken_.empty()) return Fail(ErrorCode::kUnavailable, "{}", broken_);
  if (copy_ != nullptr && !copy_->divergence().empty())
    return Fail(ErrorCode::kFailedPrecondition, "{}", copy_->divergence());
  if (ask_tip || copy_ == nullptr) {
    TRY_ASSIGN(LedgerClient::Tip tip, client_->FetchTip());
    if (copy_ == nullptr) {
      TRY_ASSIGN(const std::string vkey, KeyToPin(*options_.fs, options_.dir, tip.vkey));
      TRY(OpenCopy(vkey));
    }
  }
  TRY_ASSIGN(std::string note, client_->Fetch("checkpoint"));
  auto checkpoint = Open(note);
  if (!checkpoint) return Fail(checkpoint.error(), "checkpoint of {}", options_.url);
  TRY(Advance(*checkpoint, note, stop));
  return Feed();
}

// Under the oldest of the log's keys that signed it. Once a key has signed no more it counts no more: it may be in other hands.
Result<verify::Checkpoint> MirrorImpl::Open(const std::string& note) {
  TRY_ASSIGN(verify::Note parsed, verify::ParseNote(note));
  LearnKeys(parsed);
  for (auto key = keys_.begin(); key != keys_.end(); ++key) {
    auto checkpoint = verify::OpenCheckpoint(note, *key);
    if (!checkpoint) continue;
    keys_.erase(keys_.begin(), key);
    MutexLock lock(mutex_);
    state_.vkey = verify::FormatVerifierKey(keys_[0].name, keys_[0].public_key);
    state_.other_vkeys.clear();
    for (size_t i = 1; i < keys_.size(); ++i)
      state_.other_vkeys.push_back(verify::FormatVerifierKey(keys_[i].name, keys_[i].public_key));
    return checkpoint;
  }
  return verify::OpenCheckpoint(note, keys_.front());
}

// A signature of the log's name under an unknown key may be of one that it changed to. The proofs of that are kept, then the key
// counts. What does not come now is asked for again in the next round.
void MirrorImpl::LearnKeys(const verify::Note& note) {
  const bool has_unknown = std::ranges::any_of(note.signatures, [&](const verify::NoteSignature& signature) {
    return signature.name == copy_->key().name &&
           std::ranges::none_of(keys_,
                                [&](const verify::VerifierKey& key) { return key.id == signature.key_id; });
  });
  if (!has_unknown) return;
  std::vector<LogEdge::File> proofs;
  const verify::TileSource source = [&](const std::string& path) -> Result<std::string> {
    TRY_ASSIGN(std::string bytes, client_->Fetch(path));
    proofs.push_back({path, bytes});
    return bytes;
  };
  auto keys = verify::FollowKeys(source, copy_->key());
  if (!keys || keys->back().id == keys_.back().id || !Kept(copy_->Write(proofs))) return;
  keys->erase(keys->begin(), std::ranges::find(*keys, keys_.front().id, &verify::VerifierKey::id));
  keys_ = *std::move(keys);
  LOG_INFO("store.mirror.new_key", F("origin", copy_->key().name), F("keys", keys_.size()));
}

Result<void> MirrorImpl::Advance(const verify::Checkpoint& checkpoint, const std::string& note,
                                 const std::stop_token& stop) {
  const verify::Checkpoint mine = copy_->checkpoint();
  if (checkpoint.size < mine.size) {
    return Diverge(checkpoint, note,
                   fmt::format("the log shrank: {} leaves were signed, now {}", mine.size, checkpoint.size));
  }
  if (checkpoint.size == mine.size) {
    if (checkpoint.root == mine.root) return {};
    return Diverge(checkpoint, note, fmt::format("two roots were signed for {} leaves", mine.size));
  }
  auto grown = FetchUpTo(checkpoint, stop);
  if (!grown) {
    return grown.error().code == ErrorCode::kDataLoss ? Explain(checkpoint, note, grown.error())
                                                      : std::unexpected<Error>(grown.error());
  }
  TRY_ASSIGN(const std::string cosigned, Cosigned(note));
  TRY(Kept(copy_->Accept(*std::move(grown), checkpoint, cosigned)));
  {
    MutexLock lock(mutex_);
    state_.size = checkpoint.size;
    state_.grew_unix_us = clock().UnixMicros();
    if (options_.cosigner != nullptr) state_.cosigned_unix_s = NowSeconds();
  }
  return Archive();
}

// The note with the log's signature and ours. It leaves this host only after Accept has synced all that it covers.
Result<std::string> MirrorImpl::Cosigned(const std::string& note) const {
  if (options_.cosigner == nullptr) return note;
  TRY_ASSIGN(verify::Note parsed, verify::ParseNote(note));
  return witness::CosignedNote(parsed, keys_, options_.cosigner->Cosign(parsed.text, NowSeconds()));
}

Result<void> MirrorImpl::Archive() {
  if (options_.cosigner == nullptr) return {};
  TRY_ASSIGN(std::string note, copy_->ReadResource("checkpoint"));
  return Kept(archive_->Keep(note, NowSeconds()));
}

// The copy's edge with all new entries, whose root is the checkpoint's; full files are written already, where nothing trusts them
// before a checkpoint covers them. kDataLoss when what is served does not extend the copy to that root.
Result<LogEdge> MirrorImpl::FetchUpTo(const verify::Checkpoint& checkpoint, const std::stop_token& stop) {
  LogEdge edge = copy_->edge();
  while (edge.size() < checkpoint.size) {
    if (stop.stop_requested()) return Fail(ErrorCode::kCancelled, "the mirror is closed");
    const uint64_t number = edge.size() / kBundleEntries;
    const int width = verify::TileWidth(checkpoint.size, 0, number);
    TRY_ASSIGN(verify::TileFile bundle, verify::FetchTile(Source(), -1, number, width));
    if (!bundle.bytes.starts_with(edge.bundle()))
      return Fail(ErrorCode::kDataLoss, "{}: not what this copy has", bundle.path);
    auto entries = verify::SplitBundle(bundle.bytes);
    if (!entries) return Fail(entries.error(), "{}", bundle.path);
    if (entries->size() < static_cast<size_t>(width)) {
      return Fail(ErrorCode::kDataLoss, "{}: {} entries, want {}", bundle.path, entries->size(), width);
    }
    for (size_t i = edge.size() % kBundleEntries; i < static_cast<size_t>(width); ++i)
      edge.Add((*entries)[i]);
    TRY(Kept(copy_->Write(edge.TakeFull())));
  }
  if (edge.Root() == checkpoint.root) return edge;
  return Fail(ErrorCode::kDataLoss, "the entries that are served do not give the signed root of {} leaves",
              checkpoint.size);
}

// Entries that do not fit may be a damaged answer, or another history. The signed tree itself says which: its tiles lead to the
// signed root, and a consistency proof from them shows whether this copy's tree is its beginning.
Result<void> MirrorImpl::Explain(const verify::Checkpoint& checkpoint, const std::string& note, Error error) {
  const verify::Checkpoint mine = copy_->checkpoint();
  auto proof = verify::TileReader(Source(), checkpoint).ConsistencyProof(mine.size);
  if (!proof) return Fail(std::move(error), "{}", proof.error().message);
  if (verify::CheckConsistency(mine.size, mine.root, checkpoint.size, checkpoint.root, *proof)) {
    return std::unexpected<Error>(std::move(error));
  }
  return Diverge(checkpoint, note,
                 fmt::format("the log was rewritten: its {} leaves do not begin with the {} of this copy",
                             checkpoint.size, mine.size));
}

Result<void> MirrorImpl::Diverge(const verify::Checkpoint& checkpoint, const std::string& note,
                                 const std::string& why) {
  LOG_ERROR("store.mirror.diverged", F("url", options_.url), F("origin", checkpoint.origin), F("why", why),
            F("what_now", "both checkpoints are kept as evidence; find out who changed the log"));
  TRY(Kept(copy_->KeepContradiction(checkpoint, note, why)));
  MutexLock lock(mutex_);
  state_.diverged = true;
  state_.problem = why;
  return Fail(ErrorCode::kFailedPrecondition, "{}", why);
}

// A copy whose disk failed is not grown any more.
Result<void> MirrorImpl::Kept(Result<void> written) {
  if (written || MayHeal(written.error())) return written;
  broken_ = written.error().message;
  TellDiskFailure(options_.on_fatal, written.error());
  return Fail(ErrorCode::kUnavailable, "{}", broken_);
}

Result<void> MirrorImpl::Feed() {
  const verify::Checkpoint mine = copy_->checkpoint();
  for (uint64_t next = store_.NextLeaf(mine.origin); next < mine.size; next = store_.NextLeaf(mine.origin)) {
    TRY_ASSIGN(auto entries, copy_->Entries(next, std::min(kLeavesAtOnce, mine.size - next)));
    std::vector<Store::MirroredLeaf> leaves;
    for (std::string& entry : entries) leaves.push_back({next + leaves.size(), std::move(entry)});
    TRY(store_.AddRecords(mine.origin, leaves));
  }
  return {};
}

verify::TileSource MirrorImpl::Source() {
  return [this](const std::string& path) { return client_->Fetch(path); };
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
