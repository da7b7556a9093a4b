#include "audit/prove.h"

#include "audit/log_keys.h"
#include "audit/stored_record.h"
#include "audit/web_client.h"
#include "io/durable.h"
#include "record/request_id.h"
#include "verify/proof.h"

namespace beleg::audit {
namespace {

constexpr std::chrono::milliseconds kTimeout{30'000};

Result<std::string> KeyOf(WebClient& ledger) {
  TRY_ASSIGN(net::HttpResponse response, ledger.Get("audit/vkey"));
  while (response.body.ends_with('\n')) response.body.pop_back();
  return std::move(response.body);
}

// The entry must be the record of the request that was asked for.
Result<void> CheckEntry(std::string_view entry, const RequestId& id) {
  TRY_ASSIGN(record::AuditRecord record, record::Decode(entry));
  std::string response_id = ResponseIdOf(record);
  auto parsed = record::ParseRequestId(response_id);
  if (!parsed || *parsed != id)
    return Fail(ErrorCode::kDataLoss, "the log gave the record of \"{}\", not of {}", response_id, id.Hex());
  return {};
}

}  // namespace

Result<ProveResult> Prove(const ProveOptions& options) {
  TRY_ASSIGN(RequestId id, record::ParseRequestId(options.request_id));
  TRY_ASSIGN(auto ledger, WebClient::Open(options.ledger_url, options.token, kTimeout));
  ProveResult result;
  result.key_pinned = !options.vkey.empty();
  result.vkey = options.vkey;
  if (!result.key_pinned) {
    TRY_ASSIGN(result.vkey, KeyOf(*ledger));
  }
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(result.vkey));
  TRY_ASSIGN(verify::Policy policy, verify::Policy::Make({key}, {}, 0));
  TRY_ASSIGN(const auto key_proofs, ReadKeyProofsAt({options.ledger_url, options.token}));
  TRY(policy.LearnKeys(key_proofs));
  TRY_ASSIGN(net::HttpResponse proof, ledger->Get("audit/proof/" + id.Hex()));
  TRY_ASSIGN(net::HttpResponse entry, ledger->Get("audit/record/" + id.Hex()));
  auto checked = CheckProof(policy, proof.body, entry.body);
  if (!checked) return Fail(ErrorCode::kDataLoss, "audit/proof/{}: {}", id.Hex(), checked.error().message);
  result.checkpoint = checked->head.checkpoint;
  result.index = checked->index;
  result.signer_text = SignerText(policy, checked->head.signer, true);
  TRY(CheckEntry(entry.body, id));

  io::FileSystem& fs = io::PosixFileSystem();
  TRY(fs.MakeFolders(options.folder));
  result.proof_path = fmt::format("{}/{}.tlog-proof", options.folder, id.Hex());
  result.record_path = fmt::format("{}/{}.json", options.folder, id.Hex());
  TRY(io::WriteFileDurably(fs, result.record_path, entry.body));
  TRY(io::WriteFileDurably(fs, result.proof_path, proof.body));
  if (!key_proofs.empty()) {
    result.keys_path = fmt::format("{}/keys.tlog-proof", options.folder);
    TRY(io::WriteFileDurably(fs, result.keys_path, JoinKeyProofs(key_proofs)));
  }
  return result;
}

std::string RenderText(const ProveResult& result) {
  return fmt::format(
      "OK: leaf {} of {}, checkpoint of size {}, key {}{}{}\n{}\n{}\n{}", result.index,
      result.checkpoint.origin, result.checkpoint.size, result.vkey, result.signer_text,
      result.key_pinned ? "" : "\n    (the key is the log's own word: compare it with a pinned one)",
      result.proof_path, result.record_path, result.keys_path.empty() ? "" : result.keys_path + "\n");
}

}  // namespace beleg::audit
