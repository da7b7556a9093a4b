#include "audit/verify.h"

#include <algorithm>

#include "audit/report_text.h"
#include "io/file.h"
#include "verify/proof.h"
#include "verify/receipt.h"

namespace beleg::audit {
namespace {

constexpr size_t kFileBytesMax = 4 << 20;
constexpr std::string_view kProofStart = "c2sp.org/tlog-proof@";
constexpr std::string_view kProofSuffix = ".tlog-proof";
constexpr std::string_view kReceiptStart = "v1.";

Result<std::string> Read(const std::string& path) {
  auto bytes = io::ReadFile(io::PosixFileSystem(), path, kFileBytesMax);
  // A wrong argument, and no finding about a log.
  if (!bytes && bytes.error().code == ErrorCode::kNotFound)
    return Fail(ErrorCode::kInvalidArgument, "{}", bytes.error().message);
  return bytes;
}

// The entry that goes with a file; nullopt when none was given and none lies beside it.
Result<std::optional<std::string>> EntryFor(const std::string& file, const VerifyOptions& options) {
  std::string path = options.entry;
  if (path.empty()) {
    if (!file.ends_with(kProofSuffix)) return std::nullopt;
    path = file.substr(0, file.size() - kProofSuffix.size()) + ".json";
    TRY_ASSIGN(bool there, io::PosixFileSystem().Exists(path));
    if (!there) return std::nullopt;
  }
  TRY_ASSIGN(std::string entry, Read(path));
  return entry;
}

Result<std::string> CheckProof(std::string_view text, const std::optional<std::string>& entry,
                               const verify::VerifierKey& key) {
  if (!entry) return Fail(ErrorCode::kInvalidArgument, "a proof is of an entry: give it with --entry");
  TRY_ASSIGN(verify::Checkpoint checkpoint, verify::CheckTlogProof(text, *entry, key));
  TRY_ASSIGN(verify::TlogProof proof, verify::ParseTlogProof(text));
  return fmt::format("proof: the entry is leaf {} of {}, under its signed checkpoint of size {}", proof.index,
                     checkpoint.origin, checkpoint.size);
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

Result<std::string> CheckReceipt(std::string_view text, const std::optional<std::string>& entry,
                                 const verify::VerifierKey& key) {
  TRY_ASSIGN(verify::Receipt receipt, verify::ParseReceipt(text));
  TRY(verify::CheckReceipt(receipt, key));
  bool check_entry = entry && std::holds_alternative<verify::FinishClaim>(receipt.claim);
  if (check_entry) TRY(verify::CheckReceiptEntry(receipt, *entry));
  return Describe(receipt, check_entry);
}

// The receipts in a text, one a line at most.
std::vector<std::string_view> ReceiptsIn(std::string_view text) {
  std::vector<std::string_view> receipts;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string_view line = text.substr(start, end - start);
    start = end + 1;
    if (size_t at = line.find(kReceiptStart); at != std::string_view::npos) {
      line.remove_prefix(at);
      receipts.push_back(line.substr(0, line.find_first_of(" \t\r")));
    }
  }
  return receipts;
}

void Add(VerifyResult& result, const std::string& file, Result<std::string> outcome) {
  bool ok = outcome.has_value();
  result.items.push_back({file, ok, ok ? std::move(*outcome) : std::move(outcome.error().message)});
}

}  // namespace

bool VerifyResult::ok() const {
  return !items.empty() &&
         std::all_of(items.begin(), items.end(), [](const VerifiedItem& item) { return item.ok; });
}

Result<VerifyResult> VerifyFiles(const VerifyOptions& options) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(options.vkey));
  VerifyResult result;
  for (const std::string& file : options.files) {
    TRY_ASSIGN(std::string text, Read(file));
    TRY_ASSIGN(std::optional<std::string> entry, EntryFor(file, options));
    if (text.starts_with(kProofStart)) {
      Add(result, file, CheckProof(text, entry, key));
      continue;
    }
    std::vector<std::string_view> receipts = ReceiptsIn(text);
    if (receipts.empty())
      Add(result, file, Fail(ErrorCode::kInvalidArgument, "neither a tlog-proof nor a receipt"));
    for (std::string_view receipt : receipts) Add(result, file, CheckReceipt(receipt, entry, key));
  }
  return result;
}

std::string RenderText(const VerifyResult& result) {
  std::string out;
  for (const VerifiedItem& item : result.items)
    out += fmt::format("{}  {}: {}\n", item.ok ? "OK    " : "FAILED", item.file, OneLine(item.text));
  return out;
}

}  // namespace beleg::audit
