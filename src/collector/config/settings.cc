#include "collector/config/settings.h"

#include <algorithm>

#include "base/check.h"
#include "collector/config/duration.h"

namespace beleg::collector {

using wire::Yaml;

// Walks one component's map along its table.
class SettingsReader {
 public:
  SettingsReader(std::span<const Setting> table, Problems& problems, Settings& out)
      : table_(table), problems_(problems), out_(out) {}

  void Defaults() {
    for (const Setting& setting : table_) {
      Settings::Entry& entry = out_.entries_[std::string(setting.path)];
      entry.type = setting.type;
      if (setting.value.empty()) continue;
      Result<Yaml> value = Yaml::Parse(setting.value, setting.path);
      CHECK(value.has_value(), "a default of a table is YAML");
      Value(setting, *value, entry);
      entry.written = false;
      entry.mark = {};
    }
  }

  void Map(const Yaml& node, const std::string& prefix) {
    if (node.is_null()) return;
    if (!node.is_map()) {
      problems_.Error(node.mark, "{}: expected a map, got {}", Name(prefix), node.type_name());
      return;
    }
    for (const wire::YamlMember& member : node.members) {
      std::string path = prefix.empty() ? member.key : prefix + "." + member.key;
      Member(path, member);
    }
  }

 private:
  void Member(const std::string& path, const wire::YamlMember& member) {
    auto setting = std::ranges::find(table_, path, &Setting::path);
    bool known = setting != table_.end();
    bool group =
        std::ranges::any_of(table_, [&](const Setting& s) { return s.path.starts_with(path + "."); });
    if (!known && !group) return Unknown(path, member);
    if (known && setting->unused)
      problems_.Warn(member.mark, "{}: accepted, but it changes nothing here", Name(path));
    if (known && setting->type != SettingType::kGroup) {
      if (member.value.is_null()) {
        out_.entries_[path].mark = member.value.mark;
        return;
      }
      return Value(*setting, member.value, out_.entries_[path]);
    }
    if (known) {
      out_.entries_[path].written = true;
      out_.entries_[path].mark = member.mark;
    }
    Map(member.value, path);
  }

  void Unknown(const std::string& path, const wire::YamlMember& member) {
    size_t dot = path.rfind('.');
    std::string_view prefix = dot == std::string::npos ? "" : std::string_view(path).substr(0, dot + 1);
    std::string names;
    for (const Setting& setting : table_) {
      if (!setting.path.starts_with(prefix)) continue;
      std::string_view rest = setting.path.substr(prefix.size());
      rest = rest.substr(0, rest.find('.'));
      if ((", " + names + ",").find(fmt::format(", {},", rest)) != std::string::npos) continue;
      names += (names.empty() ? "" : ", ") + std::string(rest);
    }
    problems_.Error(member.mark, "{}: has invalid keys: {} (known: {})",
                    Name(prefix.substr(0, dot == std::string::npos ? 0 : dot)), member.key,
                    names.empty() ? "none" : names);
  }

  void Value(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    entry.written = true;
    entry.mark = node.mark;
    switch (setting.type) {
      case SettingType::kBool: return Bool(setting, node, entry);
      case SettingType::kCount: return Count(setting, node, entry);
      case SettingType::kText: return Text(setting, node, entry);
      case SettingType::kDuration: return Duration(setting, node, entry);
      case SettingType::kTexts: return Texts(setting, node, entry);
      case SettingType::kTextMap: return TextMap(setting, node, entry);
      case SettingType::kAny: entry.any = node; return;
      case SettingType::kGroup: return;
      case SettingType::kList: return List(setting, node, entry);
    }
  }

  void Bool(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    auto scalar = node.Scalar();
    if (const bool* flag = std::get_if<bool>(&scalar))
      entry.flag = *flag;
    else
      Mistyped(setting, node, "bool");
  }

  void Count(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    auto scalar = node.Scalar();
    const int64_t* number = std::get_if<int64_t>(&scalar);
    if (number == nullptr) return Mistyped(setting, node, "uint64");
    if (*number < 0)
      problems_.Error(node.mark, "{}: cannot parse value as 'uint64': {} overflows uint", Name(setting.path),
                      *number);
    else
      entry.count = static_cast<uint64_t>(*number);
  }

  void Text(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    if (!node.is_scalar()) return Mistyped(setting, node, "string");
    entry.text = node.text;
    if (setting.choices.empty() || IsChoice(setting.choices, node.text)) return;
    std::string choices(setting.choices);
    for (size_t at = 0; (at = choices.find('|', at)) != std::string::npos;) choices.replace(at, 1, ", ");
    problems_.Error(node.mark, "{}: unsupported value \"{}\" (one of: {})", Name(setting.path), node.text,
                    choices);
  }

  static bool IsChoice(std::string_view choices, std::string_view text) {
    for (size_t at = 0; at <= choices.size();) {
      size_t end = std::min(choices.find('|', at), choices.size());
      if (choices.substr(at, end - at) == text) return true;
      at = end + 1;
    }
    return false;
  }

  void Duration(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    if (!node.is_scalar()) return Mistyped(setting, node, "duration");
    auto duration = ParseDuration(node.text);
    if (duration)
      entry.duration = *duration;
    else
      problems_.Error(node.mark, "{}: {}", Name(setting.path), duration.error().message);
  }

  void Texts(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    entry.texts.clear();
    if (node.is_scalar())
      return entry.texts.push_back(node.text);  // mapstructure takes one for a list of one, too
    if (!node.is_sequence()) return Mistyped(setting, node, "list of strings");
    for (const Yaml& item : node.items) {
      if (item.is_scalar())
        entry.texts.push_back(item.text);
      else
        Mistyped(setting, item, "string");
    }
  }

  void TextMap(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    entry.map.clear();
    if (!node.is_map()) return Mistyped(setting, node, "map");
    for (const wire::YamlMember& member : node.members) {
      if (member.value.is_scalar() || member.value.is_null())
        entry.map.emplace_back(member.key, member.value.text);
      else
        Mistyped(setting, member.value, "string");
    }
  }

  void List(const Setting& setting, const Yaml& node, Settings::Entry& entry) {
    entry.list.clear();
    if (!node.is_sequence()) return Mistyped(setting, node, "list");
    for (size_t i = 0; i < node.items.size(); ++i)
      entry.list.push_back(Settings::Read(setting.items, node.items[i],
                                          fmt::format("{}[{}]", Name(setting.path), i), problems_));
  }

  void Mistyped(const Setting& setting, const Yaml& node, std::string_view want) {
    problems_.Error(node.mark, "{}: expected type '{}', got unconvertible type '{}'", Name(setting.path),
                    want, node.type_name());
  }

  std::string Name(std::string_view path) const { return out_.Name(path); }

  const std::span<const Setting> table_;
  Problems& problems_;
  Settings& out_;
};

Settings Settings::Read(std::span<const Setting> table, const Yaml& node, std::string_view where,
                        Problems& problems) {
  Settings out;
  out.mark_ = node.mark;
  out.where_ = where;
  SettingsReader reader(table, problems, out);
  reader.Defaults();
  reader.Map(node, "");
  return out;
}

std::string Settings::Name(std::string_view path) const {
  std::string out = where_;
  if (!path.empty()) out += "::";
  for (char c : path) out += c == '.' ? std::string("::") : std::string(1, c);
  return out;
}

const Settings::Entry& Settings::EntryOf(std::string_view path, SettingType type) const {
  auto found = entries_.find(path);
  CHECK(found != entries_.end() && found->second.type == type, path);
  return found->second;
}

bool Settings::Has(std::string_view path) const {
  auto found = entries_.find(path);
  CHECK(found != entries_.end(), path);
  return found->second.written;
}

Yaml::Mark Settings::mark(std::string_view path) const {
  auto found = entries_.find(path);
  CHECK(found != entries_.end(), path);
  return found->second.mark.line > 0 ? found->second.mark : mark_;
}

bool Settings::Bool(std::string_view path) const { return EntryOf(path, SettingType::kBool).flag; }
uint64_t Settings::Count(std::string_view path) const { return EntryOf(path, SettingType::kCount).count; }
const std::string& Settings::Text(std::string_view path) const {
  return EntryOf(path, SettingType::kText).text;
}
std::chrono::microseconds Settings::Duration(std::string_view path) const {
  return EntryOf(path, SettingType::kDuration).duration;
}
const std::vector<std::string>& Settings::Texts(std::string_view path) const {
  return EntryOf(path, SettingType::kTexts).texts;
}
const std::vector<std::pair<std::string, std::string>>& Settings::TextMap(std::string_view path) const {
  return EntryOf(path, SettingType::kTextMap).map;
}
const Yaml& Settings::Any(std::string_view path) const { return EntryOf(path, SettingType::kAny).any; }
const std::vector<Settings>& Settings::List(std::string_view path) const {
  return EntryOf(path, SettingType::kList).list;
}

std::string_view SettingTypeName(SettingType type) {
  switch (type) {
    case SettingType::kBool: return "bool";
    case SettingType::kCount: return "count";
    case SettingType::kText: return "text";
    case SettingType::kDuration: return "duration";
    case SettingType::kTexts: return "list of text";
    case SettingType::kTextMap: return "map of text";
    case SettingType::kAny: return "any";
    case SettingType::kGroup: return "group";
    case SettingType::kList: return "list";
  }
  return "";
}

}  // namespace beleg::collector
