#include "audit/verify.h"

#include <algorithm>
#include <optional>

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

Result<std::string> Read(const std::string& path) {
  auto bytes = io::ReadFile(io::PosixFileSystem(), path, kFileBytesMax);
  // A wrong argument, and no finding about a log.
  if (!bytes && bytes.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kInvalidArgument, "{}", bytes.error().message);
  return bytes;
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

// One run over the given files: each is checked by itself, then all of them against the log.
class Run {
 public:
  explicit Run(const VerifyOptions& options) : options_(options) {}

  Result<VerifyResult> Verify() {
    for (const std::string& path : options_.files) TRY(TakePath(path));
    if (!options_.against.place.empty()) TRY(CompareWithLog());
    VerifyResult result;
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
  };

  Result<void> TakePath(const std::string& path);
  Result<void> TakeFolder(const std::string& folder, const std::vector<std::string>& names);
  Result<void> TakeFile(const std::string& file, bool is_named);
  void TakeLog(const std::string& folder);
  Result<void> CompareWithLog();

  Item CheckProof(const std::string& file, std::string_view text,
                  const std::optional<std::string>& entry) const;
  Item CheckReceipt(const std::string& file, std::string_view text,
                    const std::optional<std::string>& entry) const;
  Item CheckCheckpoint(const std::string& file, std::string_view text) const;
  Result<std::optional<std::string>> EntryFor(const std::string& file) const;

  const VerifyOptions& options_;
  std::vector<Item> items_;
};

Result<void> Run::TakePath(const std::string& path) {
  auto names = io::PosixFileSystem().List(path);
  return names ? TakeFolder(path, *names) : TakeFile(path, true);
}

Result<void> Run::TakeFolder(const std::string& folder, const std::vector<std::string>& names) {
  const auto has = [&](std::string_view name) { return std::ranges::find(names, name) != names.end(); };
  if (has("checkpoint") && has("tile")) return TakeLog(folder), Result<void>();
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
  if (text.starts_with(kProofStart) || file.ends_with(kProofSuffix)) {
    items_.push_back(CheckProof(file, text, entry));
    return {};
  }
  const std::vector<std::string_view> receipts = ReceiptsIn(text);
  for (std::string_view receipt : receipts) items_.push_back(CheckReceipt(file, receipt, entry));
  if (!receipts.empty()) return {};
  if (auto note = verify::ParseNote(text); note && verify::ParseCheckpoint(note->text)) {
    items_.push_back(CheckCheckpoint(file, text));
  } else if (is_named) {
    items_.push_back(
        {file, {Verdict::kUnknown, "neither a tlog-proof nor a checkpoint, and no receipt in it"}});
  }
  return {};
}

void Run::TakeLog(const std::string& folder) {
  uint64_t entries = 0;
  auto scan = ScanLog({folder, ""}, options_.policy, [&](uint64_t, std::string_view) { ++entries; });
  if (!scan) return items_.push_back({folder, JudgementOf(scan.error())});
  for (const std::string& finding : scan->findings) items_.push_back({folder, {Verdict::kBad, finding}});
  if (!scan->findings.empty()) return;
  Item item{folder,
            {scan->head.quorum_met ? Verdict::kGood : Verdict::kUnknown,
             fmt::format("log: {} entries of {}, all of them under its signed checkpoint{}{}", entries,
                         scan->head.checkpoint.origin, CosignersText(scan->head),
                         scan->head.quorum_met ? "" : ", which lacks the cosignatures that are asked for")}};
  item.tree = scan->head.checkpoint;
  items_.push_back(std::move(item));
}

// The entry that goes with a file; nullopt when none was given and none lies beside it.
Result<std::optional<std::string>> Run::EntryFor(const std::string& file) const {
  std::string path = options_.entry;
  if (path.empty()) {
    if (!file.ends_with(kProofSuffix)) return std::nullopt;
    path = file.substr(0, file.size() - kProofSuffix.size()) + ".json";
    TRY_ASSIGN(bool there, io::PosixFileSystem().Exists(path));
    if (!there) return std::nullopt;
  }
  TRY_ASSIGN(std::string entry, Read(path));
  return entry;
}

Run::Item Run::CheckProof(const std::string& file, std::string_view text,
                          const std::optional<std::string>& entry) const {
  if (!entry) return {file, {Verdict::kUnknown, "a proof is of an entry: give it with --entry"}};
  auto proof = verify::ParseTlogProof(text);
  if (!proof) return {file, JudgementOf(proof.error())};
  auto head = options_.policy.Open(proof->checkpoint);
  if (!head) return {file, JudgementOf(head.error())};
  const verify::Checkpoint& checkpoint = head->checkpoint;
  if (auto included = verify::CheckInclusion(wire::MerkleLeafHash(*entry), proof->index, checkpoint.size,
                                             proof->hashes, checkpoint.root);
      !included)
    return {file, JudgementOf(included.error())};
  Item item{file,
            {Verdict::kGood,
             fmt::format("proof: the entry is leaf {} of {}, under its signed checkpoint of size {}{}",
                         proof->index, checkpoint.origin, checkpoint.size, CosignersText(*head))}};
  item.tree = checkpoint;
  if (!head->quorum_met) {
    item.judgement.verdict = Verdict::kUnknown;
    item.judgement.text += "; it lacks the cosignatures that are asked for";
  }
  return item;
}

Run::Item Run::CheckReceipt(const std::string& file, std::string_view text,
                            const std::optional<std::string>& entry) const {
  auto receipt = verify::ParseReceipt(text);
  if (!receipt) return {file, JudgementOf(receipt.error())};
  const verify::VerifierKey* key = options_.policy.FindLog(receipt->origin);
  if (key == nullptr)
    return {file,
            {Verdict::kUnknown, fmt::format("a receipt of {}, whose key was not given", receipt->origin)}};
  auto checked = verify::CheckReceipt(*receipt, *key);
  const bool check_entry = entry && std::holds_alternative<verify::FinishClaim>(receipt->claim);
  if (checked && check_entry) checked = verify::CheckReceiptEntry(*receipt, *entry);
  if (!checked) return {file, JudgementOf(checked.error())};
  Item item{file, {Verdict::kGood, Describe(*receipt, check_entry)}};
  item.receipt = std::move(*receipt);
  return item;
}

Run::Item Run::CheckCheckpoint(const std::string& file, std::string_view text) const {
  auto head = options_.policy.Open(text);
  if (!head) return {file, JudgementOf(head.error())};
  Item item{file,
            {head->quorum_met ? Verdict::kGood : Verdict::kUnknown,
             fmt::format("checkpoint: {} signed a tree of {} leaves{}{}", head->checkpoint.origin,
                         head->checkpoint.size, CosignersText(*head),
                         head->quorum_met ? "" : "; it lacks the cosignatures that are asked for")}};
  item.tree = head->checkpoint;
  return item;
}

Result<void> Run::CompareWithLog() {
  const SystemClock system_clock;
  Resolver resolver;
  for (const Item& item : items_) {
    if (item.receipt) resolver.Want(*item.receipt);
    if (item.tree) resolver.Want(*item.tree);
  }
  const std::string& place = options_.against.place;
  auto scanned = resolver.Scan(options_.against, options_.policy,
                               options_.clock != nullptr ? *options_.clock : system_clock);
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
  return out;
}

}  // namespace beleg::audit
