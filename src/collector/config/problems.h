// What is wrong with a configuration: all of it, each with its place.
#pragma once

#include <string>
#include <vector>

#include "wire/yaml.h"

namespace beleg::collector {

struct Problem {
  bool error;  // else a warning
  wire::Yaml::Mark at;
  std::string text;
  bool spoils = false;
};

class Problems {
 public:
  template <class... Args>
  void Error(wire::Yaml::Mark at, fmt::format_string<Args...> format, Args&&... args) {
    if (!IsSpoilt(at)) list_.push_back({true, at, fmt::format(format, std::forward<Args>(args)...)});
  }
  // An error after which the value there says nothing: what else is wrong with it is not told.
  template <class... Args>
  void SpoilingError(wire::Yaml::Mark at, fmt::format_string<Args...> format, Args&&... args) {
    list_.push_back({true, at, fmt::format(format, std::forward<Args>(args)...), true});
  }
  template <class... Args>
  void Warn(wire::Yaml::Mark at, fmt::format_string<Args...> format, Args&&... args) {
    list_.push_back({false, at, fmt::format(format, std::forward<Args>(args)...)});
  }

  // In the order of the file.
  std::vector<Problem> list() const;
  bool has_errors() const;
  // "FILE:LINE:COLUMN: error: TEXT", as compilers write it, so that an editor can jump there.
  std::string Format(std::string_view file) const;

 private:
  bool IsSpoilt(wire::Yaml::Mark at) const;

  std::vector<Problem> list_;
};

}  // namespace beleg::collector
