// A component's settings: one table says name, type, default and help of each, and drives reading, checking and documentation.
//
// Reading reports every problem with its place and goes on with the default. Getters demand (CHECK) a path of the table and
// its type, so a misspelt one shows in the component's first test.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collector/config/problems.h"

namespace beleg::collector {

enum class SettingType {
  kBool,
  kCount,  // whole, not negative
  kText,
  kDuration,  // "5s"
  kTexts,     // a list of text
  kTextMap,   // names to text
  kAny,       // whatever stands there
  kGroup,     // a map of settings whose mere presence means something ("protocols.grpc:")
  kList,      // a list of maps, each with the settings of `items`
};

struct Setting {
  std::string_view path;  // "tls.insecure"
  SettingType type;
  std::string_view value;  // default, as YAML text; "" is none (false, 0, empty)
  std::string_view help;
  std::string_view choices = {};  // "gzip|none": what a kText may be; "" anything
  std::span<const Setting> items = {};
  bool unused = false;  // accepted because configurations have it; a warning says that it changes nothing
};

class Settings {
 public:
  // where: "exporters::otlp", the beginning of each message. A null node is one without settings.
  static Settings Read(std::span<const Setting> table, const wire::Yaml& node, std::string_view where,
                       Problems& problems);

  // True if it stands in the file (null counts for a kGroup alone).
  bool Has(std::string_view path) const;
  // Where its value stands, also one that came out empty; else where the component does.
  wire::Yaml::Mark mark(std::string_view path) const;
  wire::Yaml::Mark mark() const { return mark_; }
  const std::string& where() const { return where_; }
  // "exporters::otlp::tls::insecure", for messages; "" gives where().
  std::string Name(std::string_view path) const;

  bool Bool(std::string_view path) const;
  uint64_t Count(std::string_view path) const;
  const std::string& Text(std::string_view path) const;
  std::chrono::microseconds Duration(std::string_view path) const;
  const std::vector<std::string>& Texts(std::string_view path) const;
  const std::vector<std::pair<std::string, std::string>>& TextMap(std::string_view path) const;
  const wire::Yaml& Any(std::string_view path) const;
  const std::vector<Settings>& List(std::string_view path) const;

 private:
  friend class SettingsReader;
  struct Entry {
    SettingType type{};
    bool written = false;
    wire::Yaml::Mark mark;
    bool flag = false;
    uint64_t count = 0;
    std::string text;
    std::chrono::microseconds duration{0};
    std::vector<std::string> texts;
    std::vector<std::pair<std::string, std::string>> map;
    wire::Yaml any;
    std::vector<Settings> list;
  };
  const Entry& EntryOf(std::string_view path, SettingType type) const;

  std::map<std::string, Entry, std::less<>> entries_;
  wire::Yaml::Mark mark_;
  std::string where_;
};

// "bool", "count", "text", "duration" …: for documentation.
std::string_view SettingTypeName(SettingType type);

}  // namespace beleg::collector
