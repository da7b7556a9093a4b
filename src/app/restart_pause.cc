#include "app/restart_pause.h"

#include <algorithm>

namespace beleg::app {

RestartPause::Milliseconds RestartPause::AfterEnd(std::optional<Milliseconds> ready_for) {
  bool worked = ready_for && *ready_for >= kWorkedMin;
  last_ = worked ? kMin : std::clamp(last_ * 2, kMin, kMax);
  return last_;
}

}  // namespace beleg::app
