#include "audit/log_keys.h"

#include <algorithm>

#include "audit/log_source.h"
#include "audit/report_text.h"
#include "io/file.h"
#include "verify/proof.h"
#include "wire/sha256.h"

namespace beleg::audit {
namespace {

constexpr size_t kFileBytesMax = 4 << 20;

}  // namespace

Result<std::vector<verify::KeyProof>> ReadKeyProofsAt(const LogPlace& place) {
  if (!place.is_url() && !io::PosixFileSystem().List(place.place)) {
    auto text = io::ReadFile(io::PosixFileSystem(), place.place, kFileBytesMax);
    if (!text) return Fail(ErrorCode::kInvalidArgument, "{}", text.error().message);
    if (!text->starts_with("c2sp.org/tlog-proof@"))
      return Fail(ErrorCode::kInvalidArgument, "{}: holds no proofs of changed keys", place.place);
    return verify::ParseKeyProofs(*text, place.place);
  }
  TRY_ASSIGN(verify::TileSource source, OpenLogSource(place.place, place.token));
  return verify::ReadKeyProofs(source);
}

Result<LogKeys> ReadLogKeys(const verify::TileSource& source, verify::Policy policy) {
  LogKeys keys{.policy = std::move(policy)};
  auto proofs = verify::ReadKeyProofs(source);
  if (!proofs && proofs.error().code != ErrorCode::kDataLoss)
    return std::unexpected(std::move(proofs.error()));
  const Result<void> learned = proofs ? keys.policy.LearnKeys(*proofs) : std::unexpected(proofs.error());
  if (!learned) keys.damage = learned.error().message;
  if (proofs) keys.proofs = *std::move(proofs);
  return keys;
}

Result<verify::Policy> LearnKeysAt(const LogPlace& place, verify::Policy policy) {
  TRY_ASSIGN(const verify::TileSource source, OpenLogSource(place.place, place.token));
  TRY_ASSIGN(LogKeys keys, ReadLogKeys(source, std::move(policy)));
  return std::move(keys.policy);
}

std::string JoinKeyProofs(const std::vector<verify::KeyProof>& proofs) {
  std::string out;
  for (const verify::KeyProof& proof : proofs) out += proof.text;
  return out;
}

Result<CheckedProof> CheckProof(const verify::Policy& policy, std::string_view proof,
                                std::string_view entry) {
  TRY_ASSIGN(const verify::TlogProof parsed, verify::ParseTlogProof(proof));
  auto head = policy.Open(parsed.checkpoint);
  if (!head)
    return Fail(ErrorCode::kDataLoss, "{}{}", head.error().message,
                KnownKeysTextOf(policy, parsed.checkpoint));
  const verify::Checkpoint& tree = head->checkpoint;
  if (!head->signer.CountsFor(tree))
    return Fail(ErrorCode::kDataLoss, "checkpoint of size {}{}", tree.size,
                SignerText(policy, head->signer, false));
  TRY(verify::CheckInclusion(wire::MerkleLeafHash(entry), parsed.index, tree.size, parsed.hashes, tree.root));
  return CheckedProof{*std::move(head), parsed.index};
}

std::string IdOf(const verify::VerifierKey& key) { return fmt::format("{:08x}", key.id); }

std::string SignerText(const verify::Policy& policy, const verify::LogKey& signer, bool counts) {
  if (!counts)
    return fmt::format(
        "; signed by key {} alone, which was replaced at leaf {} ({}): by itself that shows nothing, the key "
        "may be in other hands",
        IdOf(signer.key), signer.replaced->leaf, FormatUtc(signer.replaced->time_us));
  for (const verify::KeyChain& log : policy.logs()) {
    const verify::LogKey* key = log.Find(signer.key);
    const verify::LogKey* pinned = log.Find(log.pinned());
    if (key == pinned) return "";
    if (key == nullptr) continue;
    return fmt::format("; signed by key {}, which {} the pinned {}", IdOf(signer.key),
                       key > pinned ? "follows from" : "was replaced by", IdOf(log.pinned()));
  }
  return "";
}

std::string KnownKeysText(const verify::Policy& policy, std::string_view origin) {
  std::string known;
  for (const verify::KeyChain& log : policy.logs())
    for (const verify::LogKey& key : log.keys())
      if (key.key.name == origin) known += (known.empty() ? "" : ", ") + IdOf(key.key);
  return fmt::format(
      "; known keys of this log: {}; if its key was changed, keep the proofs by `beleg ledger keys --from "
      "LOG "
      "--vkey KEY --out FILE` and give --keys FILE",
      known);
}

std::string KnownKeysTextOf(const verify::Policy& policy, std::string_view signed_note) {
  auto note = verify::ParseNote(signed_note);
  auto claim = note ? verify::ParseCheckpoint(note->text) : std::unexpected(note.error());
  return claim && policy.KnowsLog(claim->origin) ? KnownKeysText(policy, claim->origin) : "";
}

void KeyProofCheck::Look(uint64_t index, std::string_view entry) {
  for (const verify::KeyProof& proof : proofs_)
    if (proof.proof.index == index && proof.proof.extra != entry)
      findings_.push_back(fmt::format("{}: names key {} by a record that is not leaf {} of this log",
                                      proof.place, IdOf(proof.key), index));
}

}  // namespace beleg::audit
