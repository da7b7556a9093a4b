#include "collector/config/problems.h"

#include <algorithm>

namespace beleg::collector {

std::vector<Problem> Problems::list() const {
  std::vector<Problem> out = list_;
  std::ranges::stable_sort(out, {}, [](const Problem& p) { return std::pair(p.at.line, p.at.column); });
  return out;
}

bool Problems::has_errors() const { return std::ranges::any_of(list_, &Problem::error); }

bool Problems::IsSpoilt(wire::Yaml::Mark at) const {
  return std::ranges::any_of(
      list_, [&](const Problem& p) { return p.spoils && p.at.line == at.line && p.at.column == at.column; });
}

std::string Problems::Format(std::string_view file) const {
  std::string out;
  for (const Problem& problem : list()) {
    out += file;
    if (problem.at.line > 0) out += fmt::format(":{}:{}", problem.at.line, problem.at.column);
    out += fmt::format(": {}: {}\n", problem.error ? "error" : "warning", problem.text);
  }
  return out;
}

}  // namespace beleg::collector
