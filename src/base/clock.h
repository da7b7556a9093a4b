// The only door to time. A unix time is microseconds since 1970 UTC as the host believes them; a monotonic time is
// microseconds since an arbitrary start and never goes back: durations come from it alone.
#pragma once

#include <cstdint>

namespace beleg {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual int64_t UnixMicros() const = 0;
  virtual int64_t MonoMicros() const = 0;
};

// The host's clocks. Stateless; safe from any thread.
class SystemClock final : public Clock {
 public:
  int64_t UnixMicros() const override;
  int64_t MonoMicros() const override;
};

// A clock that a test moves by hand.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(int64_t unix_us = 1'700'000'000'000'000) : unix_us_(unix_us) {}
  int64_t UnixMicros() const override { return unix_us_; }
  int64_t MonoMicros() const override { return mono_us_; }
  void AdvanceMicros(int64_t us) { unix_us_ += us, mono_us_ += us; }

 private:
  int64_t unix_us_;
  int64_t mono_us_ = 0;
};

}  // namespace beleg
