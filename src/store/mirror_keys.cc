#include "store/mirror_keys.h"

#include <algorithm>

#include "base/log.h"
#include "verify/key_chain.h"

namespace beleg::store {

Result<MirrorKeys> MirrorKeys::Of(const MirrorCopy& copy) {
  TRY_ASSIGN(auto keys, copy.Keys());
  return MirrorKeys(copy.key(), std::move(keys));
}

bool MirrorKeys::HasUnknown(const verify::Note& note) const {
  return std::ranges::any_of(note.signatures, [&](const verify::NoteSignature& signature) {
    return signature.name == pinned_.name && std::ranges::none_of(keys_, [&](const verify::VerifierKey& key) {
             return key.id == signature.key_id;
           });
  });
}

void MirrorKeys::Learn(const verify::TileSource& log, const Keep& keep) {
  std::vector<LogEdge::File> proofs;
  const verify::TileSource noting = [&](const std::string& path) -> Result<std::string> {
    TRY_ASSIGN(std::string bytes, log(path));
    proofs.push_back({path, bytes});
    return bytes;
  };
  auto keys = verify::FollowKeys(noting, pinned_);
  if (!keys || keys->back().id == keys_.back().id || !keep(proofs)) return;
  keys->erase(keys->begin(), std::ranges::find(*keys, keys_.front().id, &verify::VerifierKey::id));
  keys_ = *std::move(keys);
  LOG_INFO("store.mirror.new_key", F("origin", pinned_.name), F("keys", keys_.size()));
}

Result<verify::Checkpoint> MirrorKeys::Open(const std::string& note) {
  for (auto key = keys_.begin(); key != keys_.end(); ++key) {
    auto checkpoint = verify::OpenCheckpoint(note, *key);
    if (!checkpoint) continue;
    keys_.erase(keys_.begin(), key);
    return checkpoint;
  }
  return verify::OpenCheckpoint(note, keys_.front());
}

}  // namespace beleg::store
