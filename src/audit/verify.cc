#include "audit/verify.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>

#include "audit/log_keys.h"
#include "audit/log_source.h"
#include "audit/receipt_text.h"
#include "audit/report_text.h"
#include "audit/resolve.h"
#include "io/file.h"
#include "verify/proof.h"
#include "verify/receipt.h"
#include "wire/sha256.h"

namespace beleg::audit {
namespace {

constexpr size_t kFileBytesMax = 4 << 20;
constexpr size_t kFilesMax = 100'000;
constexpr std::string_view kProofStart = "c2sp.org/tlog-proof@";
constexpr std::string_view kProofSuffix = ".tlog-proof";
constexpr std::string_view kEntrySuffix = ".json";

Result<std::string> Read(const std::string& path) {
  auto bytes = io::ReadFile(io::PosixFileSystem(), path, kFileBytesMax);
  // A wrong argument, and no finding about a log.
  if (!bytes && bytes.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kInvalidArgument, "{}", bytes.error().message);
  return bytes;
}

// Of a folder's names.
bool IsLog(const std::vector<std::string>& names) {
  const auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  return has("checkpoint") && has("tile");
}

// Damage is bad; a key, entry or signature that is not there shows nothing either way.
Judgement JudgementOf(const Error& error) {
  return {error.code == ErrorCode::kDataLoss ? Verdict::kBad : Verdict::kUnknown, error.message};
}

std::string CosignersText(const verify::Policy::Opened& head) {
  std::string out;
  for (const verify::Policy::Cosigned& cosigned : head.cosigned)
    out += fmt::format("{}{} at {}", out.empty() ? ", cosigned by " : ", ", cosigned.witness,
                       FormatUtc(cosigned.unix_s * 1'000'000));
  return out;
}

std::string Describe(const verify::Receipt& receipt, bool entry_checked) {
  if (const auto* begin = std::get_if<verify::BeginClaim>(&receipt.claim))
    return fmt::format(
        "begin receipt: {} promised at {} a record of request {} by {} (boot {}, seq {}, trace {})",
        receipt.origin, FormatUtc(begin->time_us), begin->request_id.Hex(), FormatUtc(begin->resolved_by_us),
        begin->boot.Hex(), begin->seq, begin->trace_id.Hex());
  const auto& finish = std::get<verify::FinishClaim>(receipt.claim);
  return fmt::format("finish receipt: {} says that {} is leaf {}, hash {}{}{}", receipt.origin,
                     finish.request_id ? "request " + finish.request_id->Hex() : "a record of no request",
                     finish.index, HexEncode(AsView(finish.leaf_hash)),
                     entry_checked ? "; it is this entry" : "",
                     receipt.secret ? "; with the secret of its commitment" : "");
}

// Of a change whose former key leads elsewhere. The one that was followed may be the forged one.
std::string ForkText(const verify::Policy& policy, const verify::KeyProof& proof) {
  if (!proof.replaces) return "";
  for (const verify::KeyChain& log : policy.logs()) {
    const std::vector<verify::VerifierKey> keys = log.Newer();
    for (size_t i = 0; i + 1 < keys.size(); ++i)
      if (keys[i].name == proof.replaces->name && keys[i].public_key == proof.replaces->public_key)
        return fmt::format(
            "; key {} leads to key {} as well: if it signed both, one of the two is forged, ask the log's "
            "owner which",
            IdOf(keys[i]), IdOf(keys[i + 1]));
  }
  return "";
}

// One run over the given files: each is checked by itself, then all of them against the log.
class Run {
 public:
  explicit Run(const VerifyOptions& options) : options_(options), policy_(options.policy) {}

  Result<VerifyResult> Verify() {
    TRY(LearnKeys());
    for (const std::string& path : options_.files) TRY(TakePath(path));
    CompareWithEachOther();
    if (!options_.against.place.empty()) TRY(CompareWithLog());
    VerifyResult result;
    result.skipped = std::move(skipped_);
    for (Item& item : items_) result.items.push_back({std::move(item.file), std::move(item.judgement)});
    return result;
  }

 private:
  struct Item {
    std::string file;
    Judgement judgement;
    // What is left to compare with a log, of items that are good so far.
    std::optional<verify::Receipt> receipt{};
    std::optional<verify::Checkpoint> tree{};
    std::optional<verify::FinishClaim> leaf{};  // what a receipt or a proof says is where
  };

  Result<void> LearnKeys();
  Result<void> FindKeyProofs(const std::string& path);
  Result<void> FindKeyProofsInFile(const std::string& file);
  Result<void> TakePath(const std::string& path);
  Result<void> TakeFolder(const std::string& folder, const std::vector<std::string>& names);
  Result<void> TakeFile(const std::string& file, bool is_named);
  void TakeLog(const std::string& folder);
  void CompareWithEachOther();
  Result<void> CompareWithLog();

  void CheckKeyProofs(const std::string& file, std::string_view text);
  Judgement JudgeUnconnected(const verify::KeyProof& proof, std::string_view change, const Item& item) const;
  Item CheckProof(const std::string& file, std::string_view text,
                  const std::optional<std::string>& entry) const;
  Item CheckReceipt(const std::string& file, std::string_view text,
                    const std::optional<std::string>& entry) const;
  Item CheckCheckpoint(const std::string& file, std::string_view text) const;
  using Describer = std::function<std::string(const verify::Checkpoint& tree)>;
  Item CheckSigned(const std::string& file, std::string_view note, const Describer& describe) const;
  bool IsEntryOfProof(const std::string& file) const;
  Result<std::optional<std::string>> EntryFor(const std::string& file) const;

  const VerifyOptions& options_;
  verify::Policy policy_;                         // with the keys that the evidence itself leads to
  std::vector<verify::KeyProof> log_key_proofs_;  // of logs among the evidence
  std::vector<verify::KeyProof> key_proofs_;      // of other files of it
  std::vector<Item> items_;
  std::vector<std::string> skipped_;
};

// What the evidence brings along about the log's keys counts for all of it, in whatever order it comes. Logs go before loose files, and the
// one to compare with before all: where they lead to different keys, the loose ones are what is doubted. Each may need those after it to be
// connected with the pinned key, so it is asked again with them. What is wrong with a proof is told when its file is checked.
Result<void> Run::LearnKeys() {
  for (const std::string& path : options_.files) TRY(FindKeyProofs(path));
  std::vector<verify::KeyProof> known;
  if (!options_.against.place.empty()) {
    TRY_ASSIGN(const verify::TileSource log, OpenLogSource(options_.against.place, options_.against.token));
    TRY_ASSIGN(LogKeys keys, ReadLogKeys(log, std::move(policy_)));
    policy_ = std::move(keys.policy);
    known = std::move(keys.proofs);
  }
  for (const auto* proofs : {&log_key_proofs_, &key_proofs_}) {
    known.insert(known.end(), proofs->begin(), proofs->end());
    std::ignore = policy_.LearnKeys(known);
  }
  return {};
}

Result<void> Run::FindKeyProofs(const std::string& path) {
  auto names = io::PosixFileSystem().List(path);
  if (!names) return FindKeyProofsInFile(path);
  if (IsLog(*names)) {
    TRY_ASSIGN(const verify::TileSource log, OpenLogSource(path, ""));
    TRY_ASSIGN(const LogKeys keys, ReadLogKeys(log, policy_));
    log_key_proofs_.insert(log_key_proofs_.end(), keys.proofs.begin(), keys.proofs.end());
    return {};
  }
  for (const std::string& name : *names) TRY(FindKeyProofs(path + "/" + name));
  return {};
}

Result<void> Run::FindKeyProofsInFile(const std::string& file) {
  TRY_ASSIGN(const std::string text, Read(file));
  if (!verify::IsKeyProof(text)) return {};
  auto proofs = verify::ParseKeyProofs(text, file);
  if (!proofs) return {};
  key_proofs_.insert(key_proofs_.end(), proofs->begin(), proofs->end());
  if (key_proofs_.size() > verify::kKeyProofsMax)
    return Fail(ErrorCode::kInvalidArgument, "{}: with it the evidence has more than {} proofs of keys", file,
                verify::kKeyProofsMax);
  return {};
}

Result<void> Run::TakePath(const std::string& path) {
  auto names = io::PosixFileSystem().List(path);
  return names ? TakeFolder(path, *names) : TakeFile(path, true);
}

Result<void> Run::TakeFolder(const std::string& folder, const std::vector<std::string>& names) {
  if (IsLog(names)) return TakeLog(folder), Result<void>();
  const size_t before = items_.size();
  for (const std::string& name : names) {
    const std::string path = folder + "/" + name;
    if (auto inner = io::PosixFileSystem().List(path); inner) {
      TRY(TakeFolder(path, *inner));
    } else {
      TRY(TakeFile(path, false));
    }
    if (items_.size() > kFilesMax)
      return Fail(ErrorCode::kInvalidArgument, "{}: more than {} proofs and receipts", folder, kFilesMax);
  }
  if (items_.size() == before) items_.push_back({folder, {Verdict::kUnknown, "nothing in it is evidence"}});
  return {};
}

// A file of a folder may also be an entry or a note to the reader; one that was named must be evidence.
Result<void> Run::TakeFile(const std::string& file, bool is_named) {
  TRY_ASSIGN(std::string text, Read(file));
  TRY_ASSIGN(std::optional<std::string> entry, EntryFor(file));
  if (!entry && verify::IsKeyProof(text)) return CheckKeyProofs(file, text), Result<void>();
  if (text.starts_with(kProofStart) || file.ends_with(kProofSuffix)) {
    items_.push_back(CheckProof(file, text, entry));
    return {};
  }
  const std::vector<std::string_view> receipts = ReceiptsIn(text);
  for (std::string_view receipt : receipts) items_.push_back(CheckReceipt(file, receipt, entry));
  if (!receipts.empty()) return {};
  auto note = verify::ParseNote(text);
  // One that is cut is still known by its first line.
  if ((note && verify::ParseCheckpoint(note->text)) || policy_.KnowsLog(text.substr(0, text.find('\n')))) {
    items_.push_back(CheckCheckpoint(file, text));
  } else if (is_named) {
    items_.push_back(
        {file, {Verdict::kUnknown, "neither a tlog-proof nor a checkpoint, and no receipt in it"}});
  } else if (!IsEntryOfProof(file)) {
    skipped_.push_back(file);
  }
  return {};
}

bool Run::IsEntryOfProof(const std::string& file) const {
  if (!file.ends_with(kEntrySuffix)) return false;
  const std::string proof = file.substr(0, file.size() - kEntrySuffix.size()) + std::string(kProofSuffix);
  return io::PosixFileSystem().Exists(proof).value_or(false);
}

void Run::TakeLog(const std::string& folder) {
  uint64_t entries = 0;
  auto scan = ScanLog({folder, ""}, policy_, [&](uint64_t, std::string_view) { ++entries; });
  if (!scan) return items_.push_back({folder, JudgementOf(scan.error())});
  for (const std::string& finding : scan->findings) items_.push_back({folder, {Verdict::kBad, finding}});
  if (!scan->findings.empty()) return;
  Item item{folder,
            {scan->head.quorum_met ? Verdict::kGood : Verdict::kUnknown,
             fmt::format("log: {} entries of {}{}, all of them under its signed checkpoint{}{}{}", entries,
                         scan->head.checkpoint.origin,
                         scan->first_entry > 0
                             ? fmt::format(" from {} on, those before were pruned", scan->first_entry)
                             : "",
                         CosignersText(scan->head), SignerText(policy_, scan->head.signer, true),
                         scan->head.quorum_met ? "" : ", which lacks the cosignatures that are asked for")}};
  item.tree = scan->head.checkpoint;
  items_.push_back(std::move(item));
}

// The entry that goes with a file; nullopt when none was given and none lies beside it.
Result<std::optional<std::string>> Run::EntryFor(const std::string& file) const {
  std::string path = options_.entry;
  if (path.empty()) {
    if (!file.ends_with(kProofSuffix)) return std::nullopt;
    path = file.substr(0, file.size() - kProofSuffix.size()) + std::string(kEntrySuffix);
    TRY_ASSIGN(bool there, io::PosixFileSystem().Exists(path));
    if (!there) return std::nullopt;
  }
  TRY_ASSIGN(std::string entry, Read(path));
  return entry;
}

// A change of keys, whose record the proof itself has.
void Run::CheckKeyProofs(const std::string& file, std::string_view text) {
  auto proofs = verify::ParseKeyProofs(text, file);
  if (!proofs) return items_.push_back({file, JudgementOf(proofs.error())});
  for (const verify::KeyProof& proof : *proofs) {
    const std::string change = fmt::format(
        "key proof: {} changed its key{} to {} at leaf {}", proof.tree.origin,
        proof.replaces ? " from " + IdOf(*proof.replaces) : "", IdOf(proof.key), proof.proof.index);
    Item item = CheckSigned(proof.place, proof.proof.checkpoint, [&](const auto&) { return change; });
    if (!policy_.Has(proof) && policy_.KnowsLog(proof.tree.origin))
      item = {proof.place, JudgeUnconnected(proof, change, item)};
    items_.push_back(std::move(item));
  }
}

// A known key signed it and it leads nowhere all the same: somebody else has that key. By unknown ones it shows nothing.
Judgement Run::JudgeUnconnected(const verify::KeyProof& proof, std::string_view change,
                                const Item& item) const {
  if (item.judgement.verdict == Verdict::kBad)
    return {Verdict::kBad, fmt::format("{}: {}", change, item.judgement.text)};
  return {item.tree ? Verdict::kBad : Verdict::kUnknown,
          fmt::format("{}: no key that is trusted leads to this one{}{}", change, ForkText(policy_, proof),
                      KnownKeysText(policy_, proof.tree.origin))};
}

Run::Item Run::CheckProof(const std::string& file, std::string_view text,
                          const std::optional<std::string>& entry) const {
  if (!entry)
    return {file, {Verdict::kUnknown, "a proof is of an entry: put it beside as X.json, or give --entry"}};
  auto proof = verify::ParseTlogProof(text);
  if (!proof) return {file, JudgementOf(proof.error())};
  Item item = CheckSigned(file, proof->checkpoint, [&](const verify::Checkpoint& tree) {
    return fmt::format("proof: the entry is leaf {} of {}, under its signed checkpoint of size {}",
                       proof->index, tree.origin, tree.size);
  });
  if (!item.tree) {
    item.judgement.text = "proof: its checkpoint: " + item.judgement.text;
    return item;
  }
  item.leaf = verify::FinishClaim{proof->index, wire::MerkleLeafHash(*entry), std::nullopt};
  auto included = verify::CheckInclusion(item.leaf->leaf_hash, proof->index, item.tree->size, proof->hashes,
                                         item.tree->root);
  if (included) return item;
  return {
      file,
      {Verdict::kBad, included.error().message + ": the entry was changed, or the proof is of another one"}};
}

Run::Item Run::CheckReceipt(const std::string& file, std::string_view text,
                            const std::optional<std::string>& entry) const {
  auto receipt = verify::ParseReceipt(text);
  if (!receipt) return {file, JudgementOf(receipt.error())};
  auto signer = policy_.SignerOf(*receipt);
  if (!signer) {
    Item item{file, JudgementOf(signer.error())};
    if (item.judgement.verdict == Verdict::kBad)
      item.judgement.text += KnownKeysText(policy_, receipt->origin);
    return item;
  }
  const bool check_entry = entry && std::holds_alternative<verify::FinishClaim>(receipt->claim);
  if (check_entry)
    if (auto checked = verify::CheckReceiptEntry(*receipt, *entry); !checked)
      return {file, JudgementOf(checked.error())};
  const bool counts = signer->CountsFor(*receipt);
  Item item{file,
            {counts ? Verdict::kGood : Verdict::kUnknown,
             Describe(*receipt, check_entry) + SignerText(policy_, *signer, counts)}};
  if (const auto* finish = std::get_if<verify::FinishClaim>(&receipt->claim)) item.leaf = *finish;
  item.receipt = std::move(*receipt);
  return item;
}

Run::Item Run::CheckCheckpoint(const std::string& file, std::string_view text) const {
  return CheckSigned(file, text, [](const verify::Checkpoint& tree) {
    return fmt::format("checkpoint: {} signed a tree of {} leaves", tree.origin, tree.size);
  });
}

// A signed checkpoint that evidence stands on; without a tree when it is not shown to be the log's.
Run::Item Run::CheckSigned(const std::string& file, std::string_view note, const Describer& describe) const {
  auto head = policy_.Open(note);
  if (!head) {
    Item item{file, JudgementOf(head.error())};
    if (item.judgement.verdict == Verdict::kUnknown) item.judgement.text += KnownKeysTextOf(policy_, note);
    return item;
  }
  const bool counts = head->signer.CountsFor(head->checkpoint);
  Item item{file,
            {counts && head->quorum_met ? Verdict::kGood : Verdict::kUnknown,
             describe(head->checkpoint) + CosignersText(*head) + SignerText(policy_, head->signer, counts)}};
  if (!head->quorum_met) item.judgement.text += "; it lacks the cosignatures that are asked for";
  item.tree = head->checkpoint;
  return item;
}

// Each is signed by the log's key, so two that cannot both be true show that it told different things.
void Run::CompareWithEachOther() {
  using Place = std::pair<std::string_view, uint64_t>;  // origin, and a tree's size or a leaf's index
  std::map<Place, const Item*> trees, leaves;
  for (Item& item : items_) {
    if (item.tree) {
      const Item& first = *trees.try_emplace({item.tree->origin, item.tree->size}, &item).first->second;
      if (first.tree->root != item.tree->root)
        item.judgement = {Verdict::kBad, fmt::format("{}; contradicts {}: another root for the same size",
                                                     item.judgement.text, first.file)};
    }
    if (item.leaf) {
      const std::string& origin = item.receipt ? item.receipt->origin : item.tree->origin;
      const Item& first = *leaves.try_emplace({origin, item.leaf->index}, &item).first->second;
      if (first.leaf->leaf_hash != item.leaf->leaf_hash)
        item.judgement = {Verdict::kBad, fmt::format("{}; contradicts {}: another leaf {}",
                                                     item.judgement.text, first.file, item.leaf->index)};
    }
  }
}

Result<void> Run::CompareWithLog() {
  const SystemClock system_clock;
  Resolver resolver;
  for (const Item& item : items_) {
    if (item.receipt) resolver.Want(*item.receipt);
    if (item.tree) resolver.Want(*item.tree);
  }
  const std::string& place = options_.against.place;
  auto scanned =
      resolver.Scan(options_.against, policy_, options_.clock != nullptr ? *options_.clock : system_clock);
  if (!scanned && scanned.error().code != ErrorCode::kDataLoss) return scanned;
  if (!scanned) {
    items_.push_back({place, JudgementOf(scanned.error())});
    return {};
  }
  for (Item& item : items_) {
    if (!item.receipt && !item.tree) continue;
    Judgement found = item.receipt ? resolver.Judge(*item.receipt) : resolver.Judge(*item.tree);
    item.judgement.text += "; " + found.text;
    if (found.verdict == Verdict::kBad || item.judgement.verdict == Verdict::kGood)
      item.judgement.verdict = found.verdict;
  }
  for (const std::string& finding : resolver.log().findings)
    items_.push_back({place, {Verdict::kBad, finding}});
  return {};
}

}  // namespace

Verdict VerifyResult::verdict() const {
  const auto any = [this](Verdict verdict) {
    return std::ranges::any_of(items,
                               [=](const VerifiedItem& item) { return item.judgement.verdict == verdict; });
  };
  if (any(Verdict::kBad)) return Verdict::kBad;
  return items.empty() || any(Verdict::kUnknown) ? Verdict::kUnknown : Verdict::kGood;
}

Result<VerifyResult> VerifyFiles(const VerifyOptions& options) { return Run(options).Verify(); }

std::string RenderText(const VerifyResult& result) {
  std::string out;
  for (const VerifiedItem& item : result.items) {
    const Verdict verdict = item.judgement.verdict;
    const std::string_view word = verdict == Verdict::kGood  ? "GOOD   "
                                  : verdict == Verdict::kBad ? "BAD    "
                                                             : "UNKNOWN";
    out += fmt::format("{}  {}: {}\n", word, item.file, OneLine(item.judgement.text));
  }
  for (const std::string& file : result.skipped) out += fmt::format("skipped  {}: no evidence\n", file);
  return out;
}

}  // namespace beleg::audit
