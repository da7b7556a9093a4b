// std::mutex with clang's thread-safety annotations: members say which lock guards them, and clang checks it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#if defined(__clang__)
#define BELEG_ANNOTATE(x) __attribute__((x))
#else
#define BELEG_ANNOTATE(x)
#endif
#define GUARDED_BY(mutex) BELEG_ANNOTATE(guarded_by(mutex))
#define REQUIRES(...) BELEG_ANNOTATE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) BELEG_ANNOTATE(locks_excluded(__VA_ARGS__))

namespace beleg {

class BELEG_ANNOTATE(capability("mutex")) Mutex {
 public:
  void Lock() BELEG_ANNOTATE(acquire_capability()) { mutex_.lock(); }
  void Unlock() BELEG_ANNOTATE(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class BELEG_ANNOTATE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) BELEG_ANNOTATE(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() BELEG_ANNOTATE(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Wait with the mutex held; it is held again on return. Wakes may be spurious: always wait in a loop.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }
  // False when the time ran out.
  bool WaitFor(Mutex& mutex, std::chrono::microseconds limit) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    bool woken = condition_.wait_for(lock, limit) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  // False when that moment (Clock::MonoMicros of the host) has come.
  bool WaitUntil(Mutex& mutex, int64_t mono_us) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const std::chrono::steady_clock::time_point moment{std::chrono::microseconds(mono_us)};
    bool woken = condition_.wait_until(lock, moment) == std::cv_status::no_timeout;
    lock.release();
    return woken;
  }
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  std::condition_variable condition_;
};

}  // namespace beleg
