#include "audit/kept_receipts.h"

#include "audit/log_keys.h"
#include "audit/receipt_text.h"
#include "io/file.h"

namespace beleg::audit {
namespace {

constexpr size_t kFileBytesMax = 256 << 20;

}  // namespace

Result<void> KeptReceipts::Read(const std::string& path, const verify::Policy& policy) {
  auto names = io::PosixFileSystem().List(path);
  if (!names) return ReadFile(path, policy);
  for (const std::string& name : *names) TRY(Read(path + "/" + name, policy));
  return {};
}

Result<void> KeptReceipts::ReadFile(const std::string& path, const verify::Policy& policy) {
  TRY_ASSIGN(std::string text, io::ReadFile(io::PosixFileSystem(), path, kFileBytesMax));
  for (std::string_view word : ReceiptsIn(text)) {
    if (size() == kReceiptsMax)
      return Fail(ErrorCode::kInvalidArgument, "{}: more than {} receipts", path, kReceiptsMax);
    auto receipt = verify::ParseReceipt(word);
    const auto signer = receipt ? policy.SignerOf(*receipt) : std::unexpected(receipt.error());
    if (!signer) {
      const bool is_bad = signer.error().code == ErrorCode::kDataLoss;
      const std::string keys = receipt && is_bad ? KnownKeysText(policy, receipt->origin) : "";
      judged_.push_back({path, {is_bad ? Verdict::kBad : Verdict::kUnknown, signer.error().message + keys}});
      continue;
    }
    resolver_.Want(*receipt);
    const bool counts = signer->CountsFor(*receipt);
    kept_.push_back({path, std::move(*receipt), counts ? "" : SignerText(policy, *signer, false)});
  }
  return {};
}

std::vector<std::pair<std::string, Judgement>> KeptReceipts::Judge() const {
  std::vector<std::pair<std::string, Judgement>> out = judged_;
  for (const Kept& kept : kept_) {
    Judgement judgement = resolver_.Judge(kept.receipt);
    judgement.text += kept.caveat;
    if (!kept.caveat.empty() && judgement.verdict == Verdict::kGood) judgement.verdict = Verdict::kUnknown;
    out.emplace_back(kept.file, std::move(judgement));
  }
  return out;
}

}  // namespace beleg::audit
