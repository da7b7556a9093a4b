#include "ledger/open_requests.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "wire/sha256.h"

namespace beleg::ledger {

void OpenRequests::Begin(const RequestKey& key, const BeginFrame& begin) {
  MutexLock lock(mutex_);
  const bool is_new = requests_.emplace(key, State{begin, 0, false}).second;
  CHECK(is_new, "a seq is given once in a boot");
  uint64_t& highest = highest_seq_[key.boot];
  highest = std::max(highest, key.seq);
}

std::optional<RequestId> OpenRequests::End(const RequestKey& key) {
  MutexLock lock(mutex_);
  auto it = requests_.find(key);
  if (it == requests_.end() || it->second.is_ended) return std::nullopt;
  it->second.is_ended = true;
  return it->second.begin.request_id;
}

void OpenRequests::Written(const RequestKey& key, const BeginFrame& begin, uint64_t segment) {
  MutexLock lock(mutex_);
  State& state = requests_.try_emplace(key, State{begin, 0, false}).first->second;
  if (state.segment == 0) ++written_count_;
  state.segment = segment;
}

void OpenRequests::Forget(const RequestKey& key) {
  MutexLock lock(mutex_);
  auto it = requests_.find(key);
  if (it == requests_.end()) return;
  if (it->second.segment != 0) --written_count_;
  requests_.erase(it);
}

bool OpenRequests::IsWritten(const RequestKey& key) const {
  MutexLock lock(mutex_);
  auto it = requests_.find(key);
  return it != requests_.end() && it->second.segment != 0;
}

size_t OpenRequests::written_count() const {
  MutexLock lock(mutex_);
  return written_count_;
}

std::vector<std::pair<RequestKey, BeginFrame>> OpenRequests::WrittenThrough(uint64_t segment) const {
  MutexLock lock(mutex_);
  std::vector<std::pair<RequestKey, BeginFrame>> out;
  for (const auto& [key, state] : requests_)
    if (state.segment != 0 && state.segment <= segment) out.emplace_back(key, state.begin);
  return out;
}

std::vector<std::pair<RequestKey, BeginFrame>> OpenRequests::All() const {
  return WrittenThrough(UINT64_MAX);
}

bool OpenRequests::Contains(const RequestId& id) const {
  MutexLock lock(mutex_);
  return std::ranges::any_of(requests_,
                             [&](const auto& entry) { return entry.second.begin.request_id == id; });
}

Ledger::OpenSet OpenRequests::Summary(const BootId& boot) const {
  MutexLock lock(mutex_);
  Ledger::OpenSet open;
  std::string seqs;
  for (auto it = requests_.lower_bound({boot, 0}); it != requests_.end() && it->first.boot == boot; ++it) {
    if (it->second.is_ended) continue;
    ++open.count;
    PutBig64(seqs, it->first.seq);
  }
  if (!seqs.empty()) open.digest = wire::Sha256(seqs);
  if (auto it = highest_seq_.find(boot); it != highest_seq_.end()) open.highest_seq = it->second;
  return open;
}

}  // namespace beleg::ledger
