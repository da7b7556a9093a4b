#include "verify/key_chain.h"

#include <algorithm>
#include <tuple>

#include "wire/json.h"
#include "wire/sha256.h"

namespace beleg::verify {
namespace {

constexpr std::string_view kNextProof = "\nc2sp.org/tlog-proof@";

// Up to the line that begins the next one: no checkpoint has such a line.
std::string_view FirstProof(std::string_view text) {
  const size_t next = text.find(kNextProof);
  return text.substr(0, next == text.npos ? next : next + 1);
}

std::string TextAt(const wire::Json& json, std::string_view name) {
  const wire::Json* value = json.Find(name);
  return value != nullptr && value->is_string() ? value->as_string() : "";
}

bool IsKeyRecord(std::string_view record) {
  auto json = wire::Json::Parse(record);
  return json && json->is_object() && TextAt(*json, "type") == "key";
}

Result<VerifierKey> KeyOfLog(const std::string& vkey, std::string_view origin) {
  auto key = ParseVerifierKey(vkey);
  if (!key) return Fail(ErrorCode::kDataLoss, "its key record: {}", key.error().message);
  if (key->name != origin)
    return Fail(ErrorCode::kDataLoss, "its key record: {} is a key of {}, the log is {}", vkey, key->name,
                origin);
  return key;
}

Result<KeyProof> ReadKeyProof(std::string_view text) {
  KeyProof out;
  out.text = text;
  TRY_ASSIGN(out.proof, ParseTlogProof(text));
  const std::string& record = out.proof.extra;
  if (!IsKeyRecord(record)) return Fail(ErrorCode::kDataLoss, "its extra data is no key record");
  TRY_ASSIGN(Note note, ParseNote(out.proof.checkpoint));
  TRY_ASSIGN(out.tree, ParseCheckpoint(note.text));
  TRY(CheckInclusion(wire::MerkleLeafHash(record), out.proof.index, out.tree.size, out.proof.hashes,
                     out.tree.root));
  TRY_ASSIGN(const wire::Json json, wire::Json::Parse(record));
  TRY_ASSIGN(out.key, KeyOfLog(TextAt(json, "vkey"), out.tree.origin));
  if (const std::string replaces = TextAt(json, "replaces"); !replaces.empty()) {
    TRY_ASSIGN(out.replaces, KeyOfLog(replaces, out.tree.origin));
  } else if (TextAt(json, "reason") != "rotation") {
    return Fail(ErrorCode::kDataLoss, "its key record tells of no change of keys");
  }
  const wire::Json* time_us = json.Find("time_us");
  if (time_us != nullptr && time_us->is_int()) out.time_us = time_us->as_int();
  return out;
}

// False: it does not bear that key's signature.
Result<bool> IsSignedBy(const KeyProof& proof, const VerifierKey& key) {
  auto opened = OpenCheckpoint(proof.proof.checkpoint, key);
  if (opened) return true;
  if (opened.error().code == ErrorCode::kUnauthenticated) return false;
  return Fail(std::move(opened.error()), "{}", proof.place);
}

Result<bool> IsSignedByBoth(const KeyProof& proof, const VerifierKey& old) {
  TRY_ASSIGN(const bool is_signed, IsSignedBy(proof, old));
  if (!is_signed) return false;
  return IsSignedBy(proof, proof.key);
}

// Where the record names the key that it replaces, both keys have signed. Those of older programs have the old one's signature alone.
Result<bool> IsVouchedFor(const KeyProof& proof, const VerifierKey& old) {
  return proof.replaces ? IsSignedByBoth(proof, old) : IsSignedBy(proof, old);
}

// Those first that both keys must have signed, then the earlier ones: whoever has an old key alone can write others that name the same
// new key, and so could say when the old one ended.
std::vector<const KeyProof*> InOrder(const std::vector<KeyProof>& proofs) {
  std::vector<const KeyProof*> out;
  for (const KeyProof& proof : proofs) out.push_back(&proof);
  std::ranges::sort(out, {}, [](const KeyProof* proof) {
    return std::tuple(!proof->replaces, proof->proof.index, std::string_view(proof->text));
  });
  return out;
}

bool IsSame(const VerifierKey& a, const VerifierKey& b) {
  return a.name == b.name && a.public_key == b.public_key;
}

KeyChange ChangeOf(const KeyProof& proof) { return {proof.proof.index, proof.tree.size, proof.time_us}; }

// A server that knows no such files may call the path wrong, or forbidden.
bool IsMissing(ErrorCode code) {
  return code == ErrorCode::kNotFound || code == ErrorCode::kInvalidArgument ||
         code == ErrorCode::kPermissionDenied;
}

}  // namespace

bool IsKeyProof(std::string_view text) {
  auto proof = ParseTlogProof(FirstProof(text));
  return proof && IsKeyRecord(proof->extra);
}

Result<std::vector<KeyProof>> ParseKeyProofs(std::string_view text, const std::string& place) {
  std::vector<KeyProof> proofs;
  while (!text.empty()) {
    const std::string_view one = FirstProof(text);
    text.remove_prefix(one.size());
    const bool is_alone = proofs.empty() && text.empty();
    const std::string name = is_alone ? place : fmt::format("proof {} of {}", proofs.size() + 1, place);
    if (proofs.size() == kKeyProofsMax)
      return Fail(ErrorCode::kDataLoss, "{}: more than {} proofs", place, kKeyProofsMax);
    auto proof = ReadKeyProof(one);
    if (!proof) return Fail(std::move(proof.error()), "{}", name);
    proof->place = name;
    proofs.push_back(*std::move(proof));
  }
  return proofs;
}

Result<std::vector<KeyProof>> ReadKeyProofs(const TileSource& source) {
  std::vector<KeyProof> proofs;
  while (proofs.size() < kKeyProofsMax) {
    const std::string path = fmt::format("keys/{:03}.tlog-proof", proofs.size() + 1);
    auto file = source(path);
    if (!file && IsMissing(file.error().code)) break;
    if (!file) return Fail(std::move(file.error()), "{}", path);
    auto proof = ReadKeyProof(*file);
    if (!proof) return Fail(std::move(proof.error()), "{}", path);
    proof->place = path;
    proofs.push_back(*std::move(proof));
  }
  return proofs;
}

bool LogKey::CountsFor(const Receipt& receipt) const {
  if (!replaced) return true;
  if (const auto* finish = std::get_if<FinishClaim>(&receipt.claim)) return finish->index < replaced->leaf;
  return std::get<BeginClaim>(receipt.claim).time_us <= replaced->time_us;
}

bool LogKey::CountsFor(const Checkpoint& tree) const { return !replaced || tree.size <= replaced->size; }

Result<void> KeyChain::Extend(const std::vector<KeyProof>& proofs) {
  std::vector<const KeyProof*> left = InOrder(proofs);
  Result<void> done;
  // To newer keys first: the end of a key says what it may no longer name as the one before it.
  for (const auto take : {&KeyChain::TakeForward, &KeyChain::TakeBackward}) {
    for (size_t i = 0; i < left.size();) {
      Result<bool> taken = (this->*take)(*left[i]);
      if (taken && !*taken) {
        ++i;
        continue;
      }
      if (!taken && done) done = std::unexpected(std::move(taken.error()));
      left.erase(left.begin() + static_cast<ptrdiff_t>(i));
      i = 0;  // one that was passed over may follow now, and goes before those after it
    }
  }
  return done;
}

const LogKey* KeyChain::Find(const VerifierKey& key) const {
  const auto at = std::ranges::find_if(keys_, [&](const LogKey& known) { return IsSame(known.key, key); });
  return at == keys_.end() ? nullptr : &*at;
}

std::vector<VerifierKey> KeyChain::Newer() const {
  std::vector<VerifierKey> out;
  for (size_t i = pinned_; i < keys_.size(); ++i) out.push_back(keys_[i].key);
  return out;
}

bool KeyChain::Has(const KeyProof& proof) const {
  const LogKey* known = Find(proof.key);
  if (known == nullptr) return false;
  if (!proof.replaces) return true;
  return known != &keys_.front() && IsSame((known - 1)->key, *proof.replaces);
}

Result<bool> KeyChain::TakeForward(const KeyProof& proof) {
  const LogKey* known = Find(proof.key);
  if (known == nullptr) return TakeNewer(proof);
  return known > &keys_[pinned_] ? MoveChange(proof, *known) : false;
}

Result<bool> KeyChain::TakeBackward(const KeyProof& proof) {
  const LogKey* known = Find(proof.key);
  if (known == nullptr || known > &keys_[pinned_]) return false;
  return known == &keys_.front() ? TakeOlder(proof) : MoveChange(proof, *known);
}

Result<bool> KeyChain::TakeNewer(const KeyProof& proof) {
  LogKey& last = keys_.back();
  if (proof.replaces && !IsSame(*proof.replaces, last.key)) return CheckNoFork(proof);
  TRY_ASSIGN(const bool is_vouched_for, IsVouchedFor(proof, last.key));
  if (!is_vouched_for) return false;
  last.replaced = ChangeOf(proof);
  keys_.push_back({proof.key});
  return true;
}

// Two successors of one key, both vouched for by it: somebody else has it, and the proofs do not say which of them is the log's.
Result<bool> KeyChain::CheckNoFork(const KeyProof& proof) const {
  const LogKey* old = Find(*proof.replaces);
  if (old == nullptr || old < &keys_[pinned_]) return false;
  TRY_ASSIGN(const bool is_vouched_for, IsVouchedFor(proof, old->key));
  if (!is_vouched_for) return false;
  return Fail(
      ErrorCode::kDataLoss,
      "{}: key {:08x} vouches for key {:08x} here and for {:08x} elsewhere: one of the two is forged; ask "
      "the log's owner which, and give that one as --vkey",
      proof.place, old->key.id, proof.key.id, (old + 1)->key.id);
}

Result<bool> KeyChain::TakeOlder(const KeyProof& proof) {
  if (!proof.replaces || IsSame(*proof.replaces, proof.key)) return false;
  // A key names the one before it when it begins, which is before its own end.
  if (const auto& end = keys_.front().replaced; end && proof.proof.index >= end->leaf) return false;
  TRY_ASSIGN(const bool is_vouched_for, IsVouchedFor(proof, *proof.replaces));
  if (!is_vouched_for) return false;
  keys_.insert(keys_.begin(), {*proof.replaces, ChangeOf(proof)});
  ++pinned_;
  return true;
}

// A rotation that was cut short and done again has two proofs: the old key signed on in between, and the later one counts. Both keys must
// vouch for that, whoever wrote it: the one that is not pinned may be in other hands.
Result<bool> KeyChain::MoveChange(const KeyProof& proof, const LogKey& known) {
  LogKey& old = keys_[static_cast<size_t>(&known - keys_.data()) - 1];
  if (proof.proof.index <= old.replaced->leaf) return false;
  if (proof.replaces && !IsSame(*proof.replaces, old.key)) return false;
  TRY_ASSIGN(const bool is_signed, IsSignedByBoth(proof, old.key));
  if (is_signed) old.replaced = ChangeOf(proof);
  return is_signed;
}

Result<std::vector<VerifierKey>> FollowKeys(const TileSource& source, const VerifierKey& pinned) {
  TRY_ASSIGN(const auto proofs, ReadKeyProofs(source));
  KeyChain chain(pinned);
  TRY(chain.Extend(proofs));
  return chain.Newer();
}

Result<VerifierKey> KeyOfCheckpoint(const TileSource& source, const VerifierKey& pinned) {
  auto note = source("checkpoint");
  if (!note || OpenCheckpoint(*note, pinned)) return pinned;
  TRY_ASSIGN(auto keys, FollowKeys(source, pinned));
  for (const VerifierKey& key : keys)
    if (OpenCheckpoint(*note, key)) return key;
  return pinned;
}

}  // namespace beleg::verify
