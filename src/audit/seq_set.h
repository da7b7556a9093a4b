// SeqSet: numbers seen, most of them in order; holes are what is asked for.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <string>

#include <fmt/format.h>

namespace beleg::audit {

// Memory: one node a run of numbers, so it stays small when they are nearly dense.
class SeqSet {
 public:
  // False: it was there already.
  bool Add(uint64_t seq) {
    auto after = runs_.upper_bound(seq);
    auto before = after == runs_.begin() ? runs_.end() : std::prev(after);
    if (before != runs_.end() && before->second >= seq) return false;
    const bool joins_before = before != runs_.end() && before->second + 1 == seq;
    const bool joins_after = after != runs_.end() && after->first == seq + 1;
    const uint64_t last = joins_after ? after->second : seq;
    if (joins_after) runs_.erase(after);
    if (joins_before) {
      before->second = last;
    } else {
      runs_[seq] = last;
    }
    return true;
  }

  // How many of 1 … last are not there.
  uint64_t MissingUpTo(uint64_t last) const {
    uint64_t missing = last;
    for (const auto& [first, end] : runs_) {
      if (first > last) break;
      missing -= std::min(end, last) - first + 1;
    }
    return missing;
  }

  // "3, 7–9 …": the first of them, in words.
  std::string FirstHoles(uint64_t last, int holes_max = 5) const {
    std::string out;
    uint64_t next = 1;
    for (auto run = runs_.begin(); next <= last; ++run) {
      const uint64_t end = run == runs_.end() || run->first > last ? last + 1 : run->first;
      if (end > next) {
        if (holes_max-- == 0) return out + " …";
        out += fmt::format("{}{}", out.empty() ? "" : ", ", next);
        if (end > next + 1) out += fmt::format("–{}", end - 1);
      }
      if (run == runs_.end() || end > last) break;
      next = run->second + 1;
    }
    return out;
  }

 private:
  std::map<uint64_t, uint64_t> runs_;  // first → last
};

}  // namespace beleg::audit
