// A queue between threads with a limit in count and in bytes. What happens when it is full is the caller's choice:
// TryPush refuses, Push waits.
//
// Threads: any number of producers and consumers.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"

namespace beleg {

template <class T>
class BoundedQueue {
 public:
  struct Limits {
    size_t count_max;
    size_t bytes_max;
  };

  explicit BoundedQueue(Limits limits) : limits_(limits) {}

  // False when the queue is full or closed; the item is then untouched. One item larger than bytes_max still fits
  // into an empty queue, so nothing can be stuck for ever.
  bool TryPush(T&& item, size_t bytes) {
    MutexLock lock(mutex_);
    if (closed_ || !Fits(bytes)) return false;
    Add(std::move(item), bytes);
    return true;
  }

  // Waits for room. False when the queue was closed.
  bool Push(T&& item, size_t bytes) {
    MutexLock lock(mutex_);
    while (!closed_ && !Fits(bytes)) room_.Wait(mutex_);
    if (closed_) return false;
    Add(std::move(item), bytes);
    return true;
  }

  // Waits up to limit for items and takes all that are there, at most count_max. Empty when the time ran out, or
  // the queue is closed and drained.
  std::vector<T> PopAll(std::chrono::microseconds limit, size_t count_max = SIZE_MAX) {
    std::vector<T> out;
    MutexLock lock(mutex_);
    if (items_.empty() && !closed_) items_there_.WaitFor(mutex_, limit);
    while (!items_.empty() && out.size() < count_max) {
      bytes_ -= items_.front().second;
      out.push_back(std::move(items_.front().first));
      items_.pop_front();
    }
    if (!out.empty()) room_.NotifyAll();
    return out;
  }

  // No more pushes; what is inside can still be popped.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    room_.NotifyAll();
    items_there_.NotifyAll();
  }

  bool closed() const {
    MutexLock lock(mutex_);
    return closed_;
  }
  size_t size() const {
    MutexLock lock(mutex_);
    return items_.size();
  }
  size_t bytes() const {
    MutexLock lock(mutex_);
    return bytes_;
  }

 private:
  bool Fits(size_t bytes) const REQUIRES(mutex_) {
    return items_.empty() || (items_.size() < limits_.count_max && bytes_ + bytes <= limits_.bytes_max);
  }
  void Add(T&& item, size_t bytes) REQUIRES(mutex_) {
    items_.emplace_back(std::move(item), bytes);
    bytes_ += bytes;
    items_there_.NotifyOne();
  }

  const Limits limits_;
  mutable Mutex mutex_;
  CondVar room_;
  CondVar items_there_;
  std::deque<std::pair<T, size_t>> items_ GUARDED_BY(mutex_);
  size_t bytes_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace beleg
