#include "store/log_follower.h"

#include "base/log.h"
#include "verify/cosignature.h"
#include "verify/proof.h"

namespace beleg::store {
namespace {

constexpr uint64_t kBundleEntries = 256;

}  // namespace

Result<std::unique_ptr<LogFollower>> LogFollower::Open(LogFollowerOptions options, const std::string& dir,
                                                       const std::string& vkey, const std::string& url) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(vkey));
  TRY_ASSIGN(auto copy, MirrorCopy::Open(*options.fs, dir + "/" + FolderOf(key.name), vkey, url,
                                         options.cosigner == nullptr ? nullptr : &options.cosigner->key()));
  TRY_ASSIGN(MirrorKeys keys, MirrorKeys::Of(*copy));
  std::unique_ptr<LogFollower> log(new LogFollower(options, url, std::move(copy), std::move(keys)));
  if (auto note = log->copy_->ReadResource("checkpoint"))
    TRY(log->OpenCheckpoint(*note));  // says which keys still count
  return log;
}

LogFollower::LogFollower(LogFollowerOptions options, std::string url, std::unique_ptr<MirrorCopy> copy,
                         MirrorKeys keys)
    : options_(options),
      url_(std::move(url)),
      copy_(std::move(copy)),
      keys_(std::move(keys)),
      archive_(*options_.fs, copy_->dir() + "/archive"),
      cosigned_unix_s_(copy_->cosigned_unix_s()) {}

Result<void> LogFollower::Check() const {
  TRY(options_.disk->Check());
  if (copy_->divergence().empty()) return {};
  return Fail(ErrorCode::kFailedPrecondition, "{}", copy_->divergence());
}

Result<void> LogFollower::Poll(const std::stop_token& stop) {
  TRY_ASSIGN(std::string note, options_.client->Fetch("checkpoint"));
  auto checkpoint = OpenCheckpoint(note);
  if (!checkpoint) return Fail(checkpoint.error(), "checkpoint of {}", url_);
  return Advance(*checkpoint, note, stop);
}

net::HttpResponse LogFollower::Judge(const witness::Submission& submission, const std::stop_token& stop) {
  if (options_.cosigner == nullptr) return TryLater("nothing is cosigned here");
  if (auto well = Check(); !well) return TryLater(well.error().message);
  const verify::Checkpoint mine = copy_->checkpoint();
  const auto refusal = witness::CheckContinues(submission, mine);
  // A wrong proof for a signed checkpoint may be a mistake or a rewrite: the log's own tiles say which, and Advance keeps the evidence.
  if (refusal && !refusal->is_evidence) return witness::RefusalAnswer(*refusal, mine.size);
  const Result<void> advanced = Advance(submission.checkpoint, submission.request.note, stop);
  if (!advanced) LOG_WARN("store.mirror.not_cosigned", F("url", url_), F("why", advanced.error().message));
  if (refusal) return witness::RefusalAnswer(*refusal, mine.size);
  if (!advanced) return TryLater(advanced.error().message);
  return net::MakeResponse(200, "text/plain; charset=utf-8",
                           options_.cosigner->Cosign(submission.note.text, NowSeconds()));
}

Result<verify::Checkpoint> LogFollower::OpenCheckpoint(const std::string& note) {
  TRY_ASSIGN(verify::Note parsed, verify::ParseNote(note));
  if (keys_.HasUnknown(parsed))
    keys_.Learn(Source(), [&](const auto& proofs) { return options_.disk->Judge(copy_->Write(proofs)); });
  return keys_.Open(note);
}

Result<void> LogFollower::Advance(const verify::Checkpoint& checkpoint, const std::string& note,
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
  if (grown) return Keep(*std::move(grown), checkpoint, note);
  if (grown.error().code == ErrorCode::kDataLoss) return Explain(checkpoint, note, grown.error());
  return std::unexpected<Error>(grown.error());
}

// The copy's edge with all new entries, whose root is the checkpoint's; full files are written already, where nothing trusts them
// before a checkpoint covers them. kDataLoss when what is served does not extend the copy to that root.
Result<LogEdge> LogFollower::FetchUpTo(const verify::Checkpoint& checkpoint, const std::stop_token& stop) {
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
    TRY(options_.disk->Judge(copy_->Write(edge.TakeFull())));
  }
  if (edge.Root() == checkpoint.root) return edge;
  return Fail(ErrorCode::kDataLoss, "the entries that are served do not give the signed root of {} leaves",
              checkpoint.size);
}

// The checkpoint with the log's signature and ours.
Result<void> LogFollower::Keep(LogEdge grown, const verify::Checkpoint& checkpoint, const std::string& note) {
  if (options_.cosigner == nullptr)
    return options_.disk->Judge(copy_->Accept(std::move(grown), checkpoint, note));
  TRY_ASSIGN(verify::Note parsed, verify::ParseNote(note));
  const int64_t now_s = NowSeconds();
  const std::string cosigned =
      witness::CosignedNote(parsed, keys_.list(), options_.cosigner->Cosign(parsed.text, now_s));
  TRY(options_.disk->Judge(copy_->Accept(std::move(grown), checkpoint, cosigned)));
  cosigned_unix_s_ = now_s;
  return options_.disk->Judge(archive_.Keep(cosigned, now_s));
}

// Entries that do not fit may be a damaged answer, or another history. The signed tree itself says which: its tiles lead to the
// signed root, and a consistency proof from them shows whether this copy's tree is its beginning.
Result<void> LogFollower::Explain(const verify::Checkpoint& checkpoint, const std::string& note,
                                  Error error) {
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

Result<void> LogFollower::Diverge(const verify::Checkpoint& checkpoint, const std::string& note,
                                  const std::string& why) {
  LOG_ERROR("store.mirror.diverged", F("url", url_), F("origin", checkpoint.origin), F("why", why),
            F("what_now", "both checkpoints are kept as evidence; find out who changed the log"));
  TRY(options_.disk->Judge(copy_->KeepContradiction(checkpoint, note, why)));
  return Fail(ErrorCode::kFailedPrecondition, "{}", why);
}

verify::TileSource LogFollower::Source() const {
  return [client = options_.client](const std::string& path) { return client->Fetch(path); };
}

net::HttpResponse TryLater(std::string_view why) {
  return net::MakeResponse(503, "text/plain; charset=utf-8", fmt::format("{}\n", why));
}

}  // namespace beleg::store
