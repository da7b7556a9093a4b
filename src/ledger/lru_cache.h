// The newest values by key, at most count_max of them. Values are shared with readers that still use one when it is pushed out.
//
// Threads: any.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <memory>
#include <utility>

#include "base/mutex.h"

namespace beleg::ledger {

template <class Key, class Value>
class LruCache {
 public:
  explicit LruCache(size_t count_max) : count_max_(count_max) {}

  // Null when it is not there.
  std::shared_ptr<const Value> Get(const Key& key) {
    MutexLock lock(mutex_);
    auto it = places_.find(key);
    if (it == places_.end()) return nullptr;
    values_.splice(values_.begin(), values_, it->second);
    return it->second->second;
  }

  void Put(const Key& key, std::shared_ptr<const Value> value) {
    MutexLock lock(mutex_);
    if (places_.contains(key)) return;
    values_.emplace_front(key, std::move(value));
    places_[key] = values_.begin();
    if (values_.size() <= count_max_) return;
    places_.erase(values_.back().first);
    values_.pop_back();
  }

  void Drop(const Key& key) {
    MutexLock lock(mutex_);
    auto it = places_.find(key);
    if (it == places_.end()) return;
    values_.erase(it->second);
    places_.erase(it);
  }

 private:
  using Values = std::list<std::pair<Key, std::shared_ptr<const Value>>>;
  const size_t count_max_;
  Mutex mutex_;
  Values values_ GUARDED_BY(mutex_);  // newest first
  std::map<Key, typename Values::iterator> places_ GUARDED_BY(mutex_);
};

}  // namespace beleg::ledger
