#include "ledger/group_pacing.h"

#include <algorithm>

namespace beleg::ledger {
namespace {

constexpr int kCreditMax = 4;
constexpr int kGroupsPerTryMax = 1024;

}  // namespace

void GroupPacing::Held(size_t ops, int64_t youngest_us) {
  const bool came_late = ops > 0 && youngest_us - taken_us_ > interval_.count() / 2;
  if (ops >= kOpsEnough || came_late) {
    credit_ = std::min(credit_ + 2, kCreditMax);
    groups_per_try_ = kGroupsPerTryMin;
    return;
  }
  if (credit_ > 0) --credit_;
  if (credit_ == 0) {
    groups_per_try_ = std::min(2 * groups_per_try_, kGroupsPerTryMax);
    groups_until_try_ = groups_per_try_;
  }
}

void GroupPacing::Committed(size_t ops, int64_t taken_us, int64_t now_us) {
  const bool is_busy = taken_us - taken_us_ < 2 * interval_.count() && ops < kOpsEnough;
  taken_us_ = taken_us;
  is_holding_ = is_busy && (credit_ > 0 || --groups_until_try_ <= 0);
  company_ = is_holding_ ? 1 : ops;
  window_ = std::min(interval_, std::chrono::microseconds(now_us - taken_us));
}

}  // namespace beleg::ledger
