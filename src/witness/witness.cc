#include "witness/witness.h"

#include <algorithm>
#include <cstdlib>

#include "base/log.h"
#include "io/durable.h"
#include "verify/cosignature.h"
#include "wire/sha256.h"
#include "witness/checkpoint_archive.h"

namespace beleg::witness {
namespace {

constexpr int kExitDiskFailed = 74;  // EX_IOERR
constexpr size_t kEvidenceMax = 16;
constexpr std::string_view kText = "text/plain; charset=utf-8";

std::string ShortRoot(const Hash32& root) { return HexEncode(AsView(root)).substr(0, 16); }

net::HttpResponse TooMany() {
  net::HttpResponse out = net::MakeResponse(429, std::string(kText), "too many checkpoints of this log\n");
  out.headers.Add("Retry-After", "1");
  return out;
}

}  // namespace

struct Witness::Log {
  Log(io::FileSystem& fs, std::string folder, std::vector<verify::VerifierKey> log_keys)
      : dir(std::move(folder)), keys(std::move(log_keys)), archive(fs, dir + "/archive") {}

  // Takes one of the submissions that are allowed now; false when there is none.
  bool Admit(const WitnessOptions& options, int64_t mono_us) REQUIRES(mutex) {
    const double seconds = static_cast<double>(mono_us - refilled_us.value_or(mono_us)) / 1e6;
    tokens = refilled_us ? std::min(options.burst, tokens + seconds * options.rate_per_s) : options.burst;
    refilled_us = mono_us;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  }

  const std::string dir;
  const std::vector<verify::VerifierKey> keys;
  Mutex mutex;
  verify::Checkpoint known GUARDED_BY(mutex);  // the largest that was cosigned
  std::string note GUARDED_BY(mutex);          // it, with its signatures; "" before the first
  CheckpointArchive archive GUARDED_BY(mutex);
  double tokens GUARDED_BY(mutex) = 0;
  std::optional<int64_t> refilled_us GUARDED_BY(mutex);  // nullopt: never asked
};

Witness::Witness(WitnessOptions options, const Cosigner& cosigner)
    : options_(std::move(options)),
      cosigner_(cosigner),
      fs_(options_.fs != nullptr ? *options_.fs : io::PosixFileSystem()),
      clock_(options_.clock != nullptr ? *options_.clock : static_cast<const Clock&>(system_clock_)) {}

Witness::~Witness() = default;

Result<std::unique_ptr<Witness>> Witness::Open(WitnessOptions options, const Cosigner& cosigner) {
  std::unique_ptr<Witness> witness(new Witness(std::move(options), cosigner));
  TRY(io::MakeFoldersDurably(witness->fs_, witness->options_.dir, 0700));
  TRY_ASSIGN(witness->lock_, witness->fs_.Lock(witness->options_.dir));
  for (const auto& [origin, keys] : witness->options_.logs.all()) TRY(witness->OpenLog(origin, keys));
  return witness;
}

Result<void> Witness::OpenLog(const std::string& origin, const std::vector<verify::VerifierKey>& keys) {
  const std::string hash = OriginHash(origin);
  auto log = std::make_unique<Log>(fs_, options_.dir + "/logs/" + hash, keys);
  TRY(io::MakeFoldersDurably(fs_, log->dir));
  MutexLock lock(log->mutex);
  log->known = {origin, 0, wire::Sha256("")};
  const std::string path = log->dir + "/checkpoint";
  TRY_ASSIGN(bool there, fs_.Exists(path));
  if (there) {
    TRY_ASSIGN(log->note, io::ReadFile(fs_, path, kRequestBytesMax));
    auto note = verify::ParseNote(log->note);
    if (!note) return Fail(std::move(note.error()), "{}", path);
    auto cosigned = verify::CheckCosignature(*note, cosigner_.key());
    if (!cosigned) return Fail(ErrorCode::kDataLoss, "{}: {}", path, cosigned.error().message);
    TRY_ASSIGN(log->known, verify::ParseCheckpoint(note->text));
    if (log->known.origin != origin)
      return Fail(ErrorCode::kDataLoss, "{}: of the log {}, not {}", path, log->known.origin, origin);
    // Written anew: after a failed sync only the page cache may know it (ADR 0004).
    TRY(io::WriteFileDurably(fs_, path, log->note));
  }
  logs_.emplace(hash, std::move(log));
  return {};
}

net::HttpResponse Witness::Handle(const net::HttpRequest& request) {
  const std::string_view path = request.path();
  if (path == "/add-checkpoint") {
    if (request.method == "POST") return AddCheckpoint(request.body);
    net::HttpResponse out = net::MakeResponse(405, std::string(kText), "only POST\n");
    out.headers.Add("Allow", "POST");
    return out;
  }
  if (request.method != "GET" && request.method != "HEAD")
    return net::MakeResponse(405, std::string(kText), "only GET\n");
  if (path == "/") return net::MakeResponse(200, std::string(kText), Describe());
  if (path == "/health") return net::MakeResponse(200, "application/json", R"({"status":"ok"})");
  if (path == "/metrics" && options_.metrics != nullptr)
    return net::MakeResponse(200, "text/plain; version=0.0.4; charset=utf-8",
                             options_.metrics->RenderPrometheus());
  return CheckpointOf(path);
}

net::HttpResponse Witness::AddCheckpoint(std::string_view body) {
  auto submission =
      ReadSubmission(body, [this](const std::string& origin) { return options_.logs.Find(origin); });
  if (!submission) {
    Count("", submission.error().status);
    return RefusalAnswer(submission.error(), 0);
  }
  const std::string& origin = submission->checkpoint.origin;
  Log& log = *logs_.at(OriginHash(origin));
  net::HttpResponse answer = Cosign(log, *submission);
  Count(origin, answer.status);
  return answer;
}

net::HttpResponse Witness::Cosign(Log& log, const Submission& submission) {
  MutexLock lock(log.mutex);
  if (!log.Admit(options_, clock_.MonoMicros())) return TooMany();
  if (auto refusal = CheckContinues(submission, log.known)) {
    if (refusal->is_evidence) KeepEvidence(log.dir + "/refused", submission, *refusal);
    return RefusalAnswer(*refusal, log.known.size);
  }
  const int64_t unix_s = clock_.UnixMicros() / 1'000'000;
  const std::string cosignature = cosigner_.Cosign(submission.note.text, unix_s);
  std::string note = CosignedNote(submission.note, log.keys, cosignature);
  // The same tree again changes nothing that a restart must know: only its time is newer.
  if (log.note.empty() || submission.checkpoint.size > log.known.size) {
    if (auto kept = io::WriteFileDurably(fs_, log.dir + "/checkpoint", note); !kept)
      return DiskFailed(kept.error());
  }
  log.known = submission.checkpoint;
  log.note = std::move(note);
  if (auto kept = log.archive.Keep(log.note, unix_s); !kept) {
    if (kept.error().code != ErrorCode::kResourceExhausted) return DiskFailed(kept.error());
    LOG_WARN("witness.archive", F("origin", log.known.origin), F("why", kept.error().message));
  }
  if (options_.metrics != nullptr) {
    const MetricLabels labels = {{"origin", log.known.origin}};
    options_.metrics->AddGauge("beleg_witness_size", "Leaves of the largest cosigned checkpoint.", labels)
        .Set(static_cast<double>(log.known.size));
    options_.metrics
        ->AddGauge("beleg_witness_cosigned_unix_seconds", "When a checkpoint was cosigned last.", labels)
        .Set(static_cast<double>(unix_s));
  }
  return net::MakeResponse(200, std::string(kText), cosignature);
}

// A signed checkpoint that does not continue the log may be the proof of a rewrite; it is kept for people to judge.
void Witness::KeepEvidence(const std::string& folder, const Submission& submission, const Refusal& refusal) {
  const verify::Checkpoint& checkpoint = submission.checkpoint;
  LOG_ERROR("witness.refused", F("origin", checkpoint.origin), F("old_size", submission.request.old_size),
            F("size", checkpoint.size), F("root", HexEncode(AsView(checkpoint.root))),
            F("why", refusal.message));
  const auto keep = [&]() -> Result<void> {
    TRY(io::MakeFoldersDurably(fs_, folder));
    TRY_ASSIGN(auto names, fs_.List(folder));
    if (names.size() >= kEvidenceMax) return {};
    return io::WriteFileDurably(fs_,
                                fmt::format("{}/{}-{}", folder, checkpoint.size, ShortRoot(checkpoint.root)),
                                submission.request.note);
  };
  if (auto kept = keep(); !kept)
    LOG_ERROR("witness.evidence", F("folder", folder), F("why", kept.error().message));
}

net::HttpResponse Witness::DiskFailed(const Error& error) {
  LOG_ERROR("witness.disk", F("why", error.message));
  if (error.code != ErrorCode::kResourceExhausted) {
    if (!options_.on_fatal) std::_Exit(kExitDiskFailed);
    options_.on_fatal(error);
  }
  return net::MakeResponse(503, std::string(kText), "the witness cannot keep its state now\n");
}

net::HttpResponse Witness::CheckpointOf(std::string_view path) const {
  const std::string_view hash = path.substr(1, path.find('/', 1) - 1);
  auto found = logs_.find(std::string(hash));
  if (found != logs_.end() && path == fmt::format("/{}/checkpoint", hash)) {
    MutexLock lock(found->second->mutex);
    if (!found->second->note.empty()) {
      net::HttpResponse out = net::MakeResponse(200, std::string(kText), found->second->note);
      out.headers.Add("Cache-Control", "no-cache");
      return out;
    }
  }
  return net::MakeResponse(404, std::string(kText), "no such thing\n");
}

std::string Witness::Describe() const {
  std::string out = fmt::format("{}\n", cosigner_.vkey());
  for (const auto& [hash, log] : logs_) {
    MutexLock lock(log->mutex);
    out += fmt::format("{}/checkpoint {} {}\n", hash, log->known.size, log->known.origin);
  }
  return out;
}

void Witness::Count(std::string_view origin, int status) {
  if (options_.metrics == nullptr) return;
  options_.metrics
      ->AddCounter("beleg_witness_requests_total", "Submitted checkpoints by answer.",
                   {{"origin", std::string(origin)}, {"status", std::to_string(status)}})
      .Add();
}

}  // namespace beleg::witness
