#include "serve/witnessing.h"

#include <algorithm>

#include "base/log.h"
#include "base/thread.h"
#include "serve/fork_refusal.h"
#include "verify/tiles.h"

namespace beleg::serve {
namespace {

using wire::Json;
using witness::WitnessAddress;

constexpr std::chrono::milliseconds kWait{200};  // how long a stop may have to wait

constexpr int kOutdatedTriesMax = 5;

// The witness has another history than ours, or more of it: nothing that time heals.
bool IsFinding(const Error& error) { return error.code == ErrorCode::kFailedPrecondition; }

}  // namespace

bool IsIndependent(const std::string& url) {
  auto parsed = net::ParseUrl(url);
  if (!parsed) return false;
  const std::string& host = parsed->host;
  return host != "localhost" && !host.ends_with(".localhost") && !host.starts_with("127.") && host != "::1" &&
         host != "0.0.0.0" && host != "::";
}

class Witnessing::Link {
 public:
  static Result<std::unique_ptr<Link>> Open(const WitnessingOptions& options, const WitnessAddress& address,
                                            bool mirror, ledger::Ledger& ledger,
                                            CosignedCheckpoints& cosigned);
  ~Link() { Stop(); }

  Result<void> SubmitNewest(witness::WitnessClient& client);
  Result<void> FirstSubmit(std::chrono::milliseconds timeout);
  void Start() {
    thread_ = Thread("witness", [this](std::stop_token stop) { Run(stop); });
  }
  void WaitFor(uint64_t size, int64_t deadline_mono_us);
  void Stop();
  Json Status() const;
  bool independent() const { return independent_; }
  bool is_mirror() const { return mirror_; }
  bool IsWell() const;
  int64_t cosigned_unix_s() const {
    MutexLock lock(mutex_);
    return cosigned_unix_s_;
  }

 private:
  Link(const WitnessingOptions& options, WitnessAddress address, bool mirror, ledger::Ledger& ledger,
       CosignedCheckpoints& cosigned)
      : options_(options),
        address_(std::move(address)),
        mirror_(mirror),
        independent_(IsIndependent(address_.url)),
        ledger_(ledger),
        cosigned_(cosigned) {}
  Result<void> Submit(witness::WitnessClient& client, const std::string& note, bool& outdated);
  void Run(std::stop_token stop);
  bool IsDue(uint64_t published) const;
  void Tell(const Result<void>& done);
  void BackOff(const std::stop_token& stop);

  const WitnessingOptions options_;
  const WitnessAddress address_;
  const bool mirror_, independent_;
  ledger::Ledger& ledger_;
  CosignedCheckpoints& cosigned_;
  const SystemClock clock_;
  std::unique_ptr<witness::WitnessClient> client_;
  std::chrono::milliseconds backoff_{0};
  Gauge *ok_ = nullptr, *size_gauge_ = nullptr;
  mutable Mutex mutex_;
  CondVar wake_, moved_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  uint64_t size_ GUARDED_BY(mutex_) = 0;  // of the newest cosigned checkpoint
  int64_t cosigned_unix_s_ GUARDED_BY(mutex_) = 0;
  std::string problem_ GUARDED_BY(mutex_) = "not asked yet";
  Thread thread_;
};

Result<std::unique_ptr<Witnessing::Link>> Witnessing::Link::Open(const WitnessingOptions& options,
                                                                 const WitnessAddress& address, bool mirror,
                                                                 ledger::Ledger& ledger,
                                                                 CosignedCheckpoints& cosigned) {
  std::unique_ptr<Link> link(new Link(options, address, mirror, ledger, cosigned));
  TRY_ASSIGN(link->client_, witness::WitnessClient::Open(address, "", options.timeout));
  if (options.metrics != nullptr) {
    const MetricLabels labels = {{"witness", address.key.name}};
    link->ok_ =
        &options.metrics->AddGauge("beleg_witness_ok", "1 while the witness cosigns, else 0.", labels);
    link->size_gauge_ = &options.metrics->AddGauge(
        "beleg_witness_cosigned_size", "Leaves of the newest checkpoint that it cosigned.", labels);
  }
  return link;
}

Result<void> Witnessing::Link::SubmitNewest(witness::WitnessClient& client) {
  for (int i = 0;; ++i) {
    TRY_ASSIGN(const ledger::Resource resource, ledger_.ReadResource("checkpoint"));
    bool outdated = false;
    Result<void> done = Submit(client, resource.bytes, outdated);
    if (done || !outdated || i == kOutdatedTriesMax) return done;
  }
}

// outdated: the proof could not be made because a newer checkpoint's tiles have replaced this one's.
Result<void> Witnessing::Link::Submit(witness::WitnessClient& client, const std::string& note,
                                      bool& outdated) {
  TRY_ASSIGN(const verify::Note parsed, verify::ParseNote(note));
  TRY_ASSIGN(const verify::Checkpoint checkpoint, verify::ParseCheckpoint(parsed.text));
  const auto read = [this](const std::string& path) -> Result<std::string> {
    TRY_ASSIGN(ledger::Resource file, ledger_.ReadResource(path));
    return std::move(file.bytes);
  };
  TRY_ASSIGN(const witness::Cosigned done, client.Submit(note, checkpoint, [&](uint64_t old_size) {
    auto proof = verify::TileReader(read, checkpoint).ConsistencyProof(old_size);
    outdated = !proof && ledger_.WaitForCheckpoint(0, {}) > checkpoint.size;
    return proof;
  }));
  cosigned_.Add(note, checkpoint.size, address_.key, done.line);
  {
    MutexLock lock(mutex_);
    size_ = checkpoint.size;
    cosigned_unix_s_ = done.unix_s;
    moved_.NotifyAll();
  }
  if (size_gauge_ != nullptr) size_gauge_->Set(static_cast<double>(checkpoint.size));
  if (mirror_ && options_.on_mirrored) options_.on_mirrored(checkpoint.size);
  return {};
}

Result<void> Witnessing::Link::FirstSubmit(std::chrono::milliseconds timeout) {
  TRY_ASSIGN(auto client, witness::WitnessClient::Open(address_, "", timeout));
  Result<void> done = SubmitNewest(*client);
  Tell(done);
  if (done) return {};
  if (IsFinding(done.error())) {
    const WitnessAddress* mirror = options_.mirror ? &*options_.mirror : nullptr;
    return std::unexpected(
        RefuseToFork({address_, mirror, options_.ledger_dir, done.error()}, ledger_, timeout));
  }
  // A mirror that knows nothing of this log, or named its size and could not copy more (our port does not listen yet), has
  // answered: it has seen no more than we have.
  const bool answered = done.error().code == ErrorCode::kNotFound || client->witnessed_size() > 0;
  if (!mirror_ || !options_.mirror_required || answered) return {};
  return Fail(ErrorCode::kUnavailable, "--mirror-required: {} cannot be asked what it has of this log: {}",
              address_.url, done.error().message);
}

void Witnessing::Link::Run(std::stop_token stop) {
  uint64_t published = 0;
  while (!stop.stop_requested()) {
    uint64_t cosigned = 0;
    {
      MutexLock lock(mutex_);
      cosigned = size_;
    }
    published = ledger_.WaitForCheckpoint(cosigned + 1, kWait);
    if (stop.stop_requested() || !IsDue(published)) continue;
    Result<void> done = SubmitNewest(*client_);
    if (!done && stop.stop_requested()) return;
    Tell(done);
    if (done)
      backoff_ = std::chrono::milliseconds(0);
    else
      BackOff(stop);
  }
}

bool Witnessing::Link::IsDue(uint64_t published) const {
  MutexLock lock(mutex_);
  const int64_t age_s = clock_.UnixMicros() / 1'000'000 - cosigned_unix_s_;
  return published > size_ || age_s >= options_.renew_after.count();
}

void Witnessing::Link::Tell(const Result<void>& done) {
  const std::string problem = done ? "" : done.error().message;
  if (ok_ != nullptr) ok_->Set(done ? 1 : 0);
  MutexLock lock(mutex_);
  if (problem == problem_) return;
  problem_ = problem;
  moved_.NotifyAll();
  if (done)
    LOG_INFO("serve.witness.well", F("witness", address_.key.name), F("size", size_));
  else if (IsFinding(done.error()))
    LOG_ERROR("serve.witness.refuses_our_history", F("witness", address_.key.name), F("problem", problem));
  else
    LOG_WARN("serve.witness.problem", F("witness", address_.key.name), F("problem", problem));
}

void Witnessing::Link::BackOff(const std::stop_token& stop) {
  backoff_ = std::clamp(backoff_ * 2, options_.backoff_min, options_.backoff_max);
  MutexLock lock(mutex_);
  if (!stopped_ && !stop.stop_requested()) wake_.WaitFor(mutex_, backoff_);
}

void Witnessing::Link::WaitFor(uint64_t size, int64_t deadline_mono_us) {
  MutexLock lock(mutex_);
  while (size_ < size && problem_.empty()) {
    const int64_t left_us = deadline_mono_us - clock_.MonoMicros();
    if (left_us <= 0) return;
    moved_.WaitFor(mutex_, std::chrono::microseconds(left_us));
  }
}

void Witnessing::Link::Stop() {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    wake_.NotifyAll();
  }
  if (!thread_.joinable()) return;
  thread_.RequestStop();
  client_->Cancel();
  thread_.Join();
}

bool Witnessing::Link::IsWell() const {
  MutexLock lock(mutex_);
  return problem_.empty();
}

Json Witnessing::Link::Status() const {
  MutexLock lock(mutex_);
  return Json::MakeObject({{"name", address_.key.name},
                           {"url", address_.url},
                           {"mirror", mirror_},
                           {"independent", independent_},
                           {"size", size_},
                           {"cosigned_unix_s", cosigned_unix_s_},
                           {"problem", problem_}});
}

Result<std::unique_ptr<Witnessing>> Witnessing::Open(WitnessingOptions options, ledger::Ledger& ledger,
                                                     CosignedCheckpoints& cosigned) {
  std::unique_ptr<Witnessing> out(new Witnessing);
  std::vector<std::pair<WitnessAddress, bool>> all;
  if (options.mirror) all.emplace_back(*options.mirror, true);
  for (const WitnessAddress& address : options.witnesses) all.emplace_back(address, false);
  for (const auto& [address, mirror] : all) {
    TRY_ASSIGN(auto link, Link::Open(options, address, mirror, ledger, cosigned));
    TRY(link->FirstSubmit(options.start_timeout));
    out->links_.push_back(std::move(link));
  }
  return out;
}

Witnessing::~Witnessing() { Stop(); }

void Witnessing::Start() {
  for (auto& link : links_) link->Start();
}

void Witnessing::WaitFor(uint64_t size, std::chrono::milliseconds limit) {
  const int64_t deadline_us = SystemClock().MonoMicros() + std::chrono::microseconds(limit).count();
  for (auto& link : links_) link->WaitFor(size, deadline_us);
}

void Witnessing::Stop() {
  for (auto& link : links_) link->Stop();
}

bool Witnessing::IsMirrorWell() const {
  return std::ranges::all_of(links_, [](const auto& link) { return !link->is_mirror() || link->IsWell(); });
}

Json Witnessing::Status() const {
  Json::Array witnesses;
  int64_t independent_unix_s = 0;
  for (const auto& link : links_) {
    witnesses.push_back(link->Status());
    if (link->independent()) independent_unix_s = std::max(independent_unix_s, link->cosigned_unix_s());
  }
  return Json::MakeObject(
      {{"witnesses", std::move(witnesses)},
       {"independent_witness", independent_unix_s > 0 ? Json(independent_unix_s) : Json()}});
}

}  // namespace beleg::serve
