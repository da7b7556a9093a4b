#include "audit/pinned_keys.h"

#include <iterator>

#include "audit/log_keys.h"
#include "io/file.h"

namespace beleg::audit {
namespace {

constexpr size_t kPolicyBytesMax = 1 << 20;

Result<std::vector<verify::VerifierKey>> ParseAll(const std::vector<std::string>& texts,
                                                  verify::KeyType type) {
  std::vector<verify::VerifierKey> keys;
  for (const std::string& text : texts) {
    TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(text, type));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<verify::Policy> ReadPinned(const PinnedKeys& keys) {
  const bool has_keys = !keys.vkeys.empty() || !keys.witnesses.empty() || keys.quorum;
  if (keys.policy_file.empty() == !has_keys)
    return Fail(ErrorCode::kInvalidArgument, "give the log's key (--vkey), or a policy file that has it");
  if (!has_keys) {
    auto text = io::ReadFile(io::PosixFileSystem(), keys.policy_file, kPolicyBytesMax);
    if (!text) return Fail(ErrorCode::kInvalidArgument, "{}", text.error().message);
    auto policy = verify::Policy::Parse(*text);
    if (!policy) return Fail(std::move(policy.error()), "{}", keys.policy_file);
    if (policy->logs().empty())
      return Fail(ErrorCode::kInvalidArgument, "{}: it names no log", keys.policy_file);
    return policy;
  }
  if (keys.vkeys.empty()) return Fail(ErrorCode::kInvalidArgument, "the log's key (--vkey) is missing");
  TRY_ASSIGN(auto logs, ParseAll(keys.vkeys, verify::KeyType::kEd25519));
  TRY_ASSIGN(auto witnesses, ParseAll(keys.witnesses, verify::KeyType::kCosignatureV1));
  return verify::Policy::Make(std::move(logs), witnesses, keys.quorum.value_or(witnesses.size()));
}

}  // namespace

Result<verify::Policy> ReadPolicy(const PinnedKeys& keys) {
  TRY_ASSIGN(verify::Policy policy, ReadPinned(keys));
  std::vector<verify::KeyProof> proofs;  // of all places at once, so that their order means nothing
  for (const std::string& place : keys.key_proofs) {
    TRY_ASSIGN(auto some, ReadKeyProofsAt({place, keys.token}));
    proofs.insert(proofs.end(), std::move_iterator(some.begin()), std::move_iterator(some.end()));
  }
  TRY(policy.LearnKeys(proofs));
  return policy;
}

}  // namespace beleg::audit
