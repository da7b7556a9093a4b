#include "audit/kept_receipts.h"

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
    const verify::VerifierKey* key = receipt ? policy.FindLog(receipt->origin) : nullptr;
    if (receipt && key == nullptr) {
      judged_.push_back({path, {Verdict::kUnknown, fmt::format("a receipt of {}", receipt->origin)}});
      continue;
    }
    const Result<void> checked =
        receipt ? verify::CheckReceipt(*receipt, *key) : std::unexpected(receipt.error());
    if (!checked) {
      judged_.push_back({path, {Verdict::kBad, checked.error().message}});
      continue;
    }
    resolver_.Want(*receipt);
    kept_.emplace_back(path, std::move(*receipt));
  }
  return {};
}

std::vector<std::pair<std::string, Judgement>> KeptReceipts::Judge() const {
  std::vector<std::pair<std::string, Judgement>> out = judged_;
  for (const auto& [file, receipt] : kept_) out.emplace_back(file, resolver_.Judge(receipt));
  return out;
}

}  // namespace beleg::audit
