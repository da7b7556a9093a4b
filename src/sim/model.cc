#include "sim/model.h"

#include <algorithm>

namespace beleg::sim {

void Model::Acknowledged(uint64_t place, uint64_t index, const std::string& leaf) {
  world_.stats.Count("work.acknowledged");
  if (!acknowledged.emplace(index, leaf).second) world_.Find("index {} was given twice", index);
  if (last_acknowledged_place_ != 0 &&
      (place <= last_acknowledged_place_ || index <= last_acknowledged_index_))
    world_.Find("order: leaf {} (place {}) was acknowledged after leaf {} (place {})", index, place,
                last_acknowledged_index_, last_acknowledged_place_);
  last_acknowledged_place_ = place;
  last_acknowledged_index_ = index;
}

void Model::HasKey(const std::string& key) {
  if (!vkey.empty() && key != vkey) world_.Find("the log's key is {} and was {}", key, vkey);
  vkey = key;
}

Result<verify::Checkpoint> Model::Opens(const std::string& note) {
  if (auto it = opened_.find(note); it != opened_.end()) return it->second;
  TRY_ASSIGN(verify::VerifierKey key, verify::ParseVerifierKey(vkey));
  TRY_ASSIGN(verify::Checkpoint checkpoint, verify::OpenCheckpoint(note, key));
  return opened_.emplace(note, std::move(checkpoint)).first->second;
}

void Model::Saw(uint64_t size, const Hash32& root) {
  auto [it, is_new] = checkpoints.emplace(size, root);
  if (it->second != root) world_.Find("two checkpoints of size {} differ", size);
  if (is_new) world_.stats.Count("work.checkpoints");
}

void Model::Published(uint64_t size, const Hash32& root) {
  Saw(size, root);
  if (size < published_size) world_.Find("the checkpoint went back from {} to {}", published_size, size);
  published_size = std::max(published_size, size);
}

void Model::Sends(uint64_t index, const Hash32& leaf_hash) {
  if (index < cursor)
    world_.Find("leaf {} is exported again, though its acknowledgement up to {} was durable", index, cursor);
  auto it = taken.find(index);
  if (it == taken.end()) return;
  world_.stats.Count("export.sent_again");
  if (it->second != leaf_hash) world_.Find("leaf {} was exported twice with two hashes", index);
}

void Model::Takes(uint64_t index, const Hash32& leaf_hash) {
  const bool is_newest = taken.empty() || index > taken.rbegin()->first;
  if (taken.emplace(index, leaf_hash).second && !is_newest)
    world_.Find("leaf {} was exported after leaf {}", index, taken.rbegin()->first);
}

void Model::CursorIsDurable(uint64_t next) {
  if (next < cursor) world_.Find("the exporter's cursor went back from {} to {}", cursor, next);
  cursor = next;
}

}  // namespace beleg::sim
