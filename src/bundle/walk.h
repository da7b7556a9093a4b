// Walk: the full entry bundles in a log's folder, one after the other, in either form.
//
// Order:   nearly that of their numbers; each folder's names are read when the walk comes to it, so what is made or removed meanwhile
//          may be seen or not.
// Errors:  the file system's of List; a folder that is not there has no bundles.
// Threads: one.
// Cost:    memory: the names of one folder of 1,000 bundles, and of the folders that are still to be entered.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "io/file.h"

namespace beleg::bundle {

class Walk {
 public:
  // folder: the one that has "tile/".
  Walk(io::FileSystem& fs, const std::string& folder)
      : fs_(fs), folders_{{folder + "/tile/entries", "", 0}} {}

  struct Item {
    uint64_t number = 0;
    std::string name;  // "x001/x234/067", as in the names of the bundle and of its tile
    bool is_compressed = false;
  };
  // nullopt: no more.
  Result<std::optional<Item>> Next();

 private:
  struct Folder {
    std::string path;
    std::string prefix;  // of the names in it: "x001/x234/"
    uint64_t number = 0;
  };
  Result<void> Enter();
  std::optional<Item> Take(const std::string& name);

  io::FileSystem& fs_;
  std::deque<Folder> folders_;  // that are not entered yet; the first is entered next
  Folder here_;
  std::deque<std::string> names_;  // of here_
};

}  // namespace beleg::bundle
