#include "audit/stored_record.h"

#include "audit/log_keys.h"
#include "record/request_id.h"
#include "wire/jcs.h"
#include "wire/sha256.h"

namespace beleg::audit {
namespace {

using wire::Json;

Result<StoredRecord> Read(const Json& answer, std::string_view pinned_vkey) {
  StoredRecord stored;
  TRY_ASSIGN(int64_t index, IntAt(answer, "index"));
  if (index < 0) return Fail(ErrorCode::kDataLoss, "index: {} is negative", index);
  stored.index = static_cast<uint64_t>(index);
  TRY_ASSIGN(stored.leaf_hash, StringAt(answer, "leaf_hash"));
  TRY_ASSIGN(stored.proof, StringAt(answer, "proof"));
  TRY_ASSIGN(std::string entry_text, StringAt(answer, "entry_base64"));
  auto entry = Base64Decode(entry_text);
  if (!entry) return Fail(ErrorCode::kDataLoss, "entry_base64: {}", entry.error().message);
  stored.entry = std::move(*entry);
  stored.key_pinned = !pinned_vkey.empty();
  stored.vkey = pinned_vkey;
  if (!stored.key_pinned) {
    TRY_ASSIGN(stored.vkey, StringAt(answer, "vkey"));
  }
  return stored;
}

// The key, and those that the store's copy of its log leads to.
Result<verify::Policy> KeysOf(WebClient& store, const std::string& vkey) {
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(vkey));
  const std::string copy = "mirror/" + HexEncode(AsView(wire::Sha256(key.name))) + "/";
  TRY_ASSIGN(verify::Policy policy, verify::Policy::Make({std::move(key)}, {}, 0));
  TRY_ASSIGN(const auto proofs, verify::ReadKeyProofs([&](const std::string& path) -> Result<std::string> {
               TRY_ASSIGN(net::HttpResponse response, store.Get(copy + path));
               return std::move(response.body);
             }));
  TRY(policy.LearnKeys(proofs));
  return policy;
}

// What the answer says beside the proof must be what the proof shows.
Result<void> Check(const Json& answer, StoredRecord& stored) {
  TRY_ASSIGN(const CheckedProof proof, CheckProof(stored.policy, stored.proof, stored.entry));
  stored.checkpoint = proof.head.checkpoint;
  if (proof.index != stored.index)
    return Fail(ErrorCode::kDataLoss, "index: {}, but the proof is of leaf {}", stored.index, proof.index);
  std::string leaf_hash = HexEncode(AsView(wire::MerkleLeafHash(stored.entry)));
  if (stored.leaf_hash != leaf_hash)
    return Fail(ErrorCode::kDataLoss, "leaf_hash: {}, but the entry's is {}", stored.leaf_hash, leaf_hash);
  auto record = record::Decode(stored.entry);
  if (!record) return Fail(std::move(record.error()), "entry_base64");
  stored.record = std::move(*record);
  TRY_ASSIGN(const Json* shown, JsonAt(answer, "record"));
  if (wire::Canonicalize(*shown) != stored.entry)
    return Fail(ErrorCode::kDataLoss, "record: not what the entry says");
  return {};
}

}  // namespace

Result<StoredRecord> FetchRecord(WebClient& store, std::string_view request_id,
                                 std::string_view pinned_vkey) {
  std::string path = "api/records/" + PercentEncode(request_id);
  TRY_ASSIGN(Json answer, store.GetJson(path));
  auto stored = Read(answer, pinned_vkey);
  if (!stored) return Fail(std::move(stored.error()), "GET {}/{}", store.base_url(), path);
  TRY_ASSIGN(stored->policy, KeysOf(store, stored->vkey));
  auto checked = Check(answer, *stored);
  if (!checked)
    return Fail(ErrorCode::kDataLoss, "GET {}/{}: {}", store.base_url(), path, checked.error().message);
  return stored;
}

std::string ResponseIdOf(const record::AuditRecord& record) {
  auto id = record::RequestIdOf(record);
  return id ? record::FormatRequestId(record::IdentityOf(record)->operation, *id) : "";
}

}  // namespace beleg::audit
