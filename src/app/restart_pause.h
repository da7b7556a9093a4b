// RestartPause: how long `up` waits before it starts a part again that ended.
#pragma once

#include <chrono>
#include <optional>

namespace beleg::app {

class RestartPause {
 public:
  using Milliseconds = std::chrono::milliseconds;
  static constexpr Milliseconds kMin{100}, kMax{30'000};
  // A part that was ready for less has not worked: it ends by its own start, and would again.
  static constexpr Milliseconds kWorkedMin{500};

  // Call once for each end. ready_for: since the part was ready; nullopt: it never was. Gives kMin after a part that worked, so
  // that whatever killed it costs its users no more than its start; else twice the pause before, up to kMax.
  Milliseconds AfterEnd(std::optional<Milliseconds> ready_for);

 private:
  Milliseconds last_{0};
};

}  // namespace beleg::app
