// The index of the largest of many floats.
#pragma once

#include <algorithm>
#include <cstdint>

namespace beleg::engine {

// size is at least 1; of equals the first; NaN is never the largest but where it comes first. In blocks of lanes that need
// not wait for each other: this runs once a token over the whole vocabulary, where std::max_element, one comparison after
// the other, was a third of the engine's thread on a model whose step is nearly free.
inline int32_t IndexOfLargest(const float* values, int32_t size) {
  constexpr int32_t kLanes = 16;
  constexpr int32_t kBlock = 32 * kLanes;
  int32_t best_block = 0;
  int32_t block = 0;
  float best = values[0];
  for (; block + kBlock <= size; block += kBlock) {
    float lanes[kLanes];
    std::copy_n(values + block, kLanes, lanes);
    for (int32_t i = block + kLanes; i < block + kBlock; i += kLanes) {
      for (int32_t lane = 0; lane < kLanes; ++lane) lanes[lane] = std::max(lanes[lane], values[i + lane]);
    }
    float largest = *std::max_element(lanes, lanes + kLanes);
    if (largest > best) best = largest, best_block = block;
  }
  const float* rest = std::max_element(values + block, values + size);
  if (rest != values + size && *rest > best) return static_cast<int32_t>(rest - values);
  const float* end = values + std::min(best_block + kBlock, size);
  return static_cast<int32_t>(std::max_element(values + best_block, end) - values);
}

}  // namespace beleg::engine
