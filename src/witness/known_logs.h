// The logs that a witness cosigns, by origin.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "verify/note.h"

namespace beleg::witness {

class KnownLogs {
 public:
  // origin "": the key's name. The same key twice is fine.
  Result<void> Add(std::string_view vkey, std::string origin = "");
  // The witness network's list: "logs/v0", then "vkey …" and "origin …" lines; kInvalidArgument names the line.
  Result<void> AddList(std::string_view text);

  // nullptr: not known.
  const std::vector<verify::VerifierKey>* Find(const std::string& origin) const;
  const std::map<std::string, std::vector<verify::VerifierKey>>& all() const { return keys_; }

 private:
  std::map<std::string, std::vector<verify::VerifierKey>> keys_;
};

}  // namespace beleg::witness
