// How often what happened, so that one sees what a run of the simulation has covered.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace beleg::sim {

class Stats {
 public:
  // name: "fault.eio", "reached.recovery_died", …: what stands before the point groups the table.
  void Count(std::string_view name, uint64_t count = 1) {
    if (auto it = counts_.find(name); it != counts_.end())
      it->second += count;
    else
      counts_.emplace(name, count);
  }
  void Add(const Stats& other) {
    for (const auto& [name, count] : other.counts_) Count(name, count);
  }
  uint64_t count(std::string_view name) const {
    auto it = counts_.find(name);
    return it == counts_.end() ? 0 : it->second;
  }
  const std::map<std::string, uint64_t, std::less<>>& counts() const { return counts_; }

 private:
  std::map<std::string, uint64_t, std::less<>> counts_;
};

}  // namespace beleg::sim
