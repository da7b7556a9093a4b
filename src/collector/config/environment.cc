#include "collector/config/environment.h"

#include <algorithm>
#include <cstdlib>

namespace beleg::collector {
namespace {

using wire::Yaml;

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_";
constexpr std::string_view kNameBytes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
constexpr int kNestingMax = 8;

bool IsName(std::string_view name) {
  return !name.empty() && kLetters.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of(kNameBytes) == std::string_view::npos;
}

// Where the brace that opens at `from` closes; npos when it does not.
size_t Closing(std::string_view text, size_t from) {
  int depth = 0;
  for (size_t at = from; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return at;
  }
  return std::string_view::npos;
}

class Expander {
 public:
  Expander(const Environment& environment, Problems& problems)
      : environment_(environment), problems_(problems) {}

  void Walk(Yaml& node, const std::string& path);

 private:
  void Value(Yaml& node);
  std::string Text(std::string_view text, int depth);
  // What stands between the braces; nullopt after an error.
  std::optional<std::string> Reference(std::string_view inside, int depth);

  const Environment& environment_;
  Problems& problems_;
  std::string path_;
  Yaml::Mark at_;
};

void Expander::Walk(Yaml& node, const std::string& path) {
  for (size_t i = 0; i < node.items.size(); ++i) Walk(node.items[i], fmt::format("{}[{}]", path, i));
  for (wire::YamlMember& member : node.members)
    Walk(member.value, path.empty() ? member.key : path + "::" + member.key);
  if (!node.is_scalar() || node.text.find('$') == std::string::npos) return;
  path_ = path;
  at_ = node.mark;
  Value(node);
}

void Expander::Value(Yaml& node) {
  bool whole = node.text.starts_with("${") && Closing(node.text, 1) == node.text.size() - 1;
  if (!whole) {
    node.text = Text(node.text, 0);
    node.quoted = true;
    return;
  }
  std::optional<std::string> value =
      Reference(std::string_view(node.text).substr(2, node.text.size() - 3), 0);
  Result<Yaml> typed = Yaml::Parse(value.value_or(""), "");
  Yaml::Mark at = node.mark;
  if (typed) {
    node = std::move(*typed);
  } else {
    node.text = *value;
    node.quoted = true;
  }
  node.mark = at;
}

std::string Expander::Text(std::string_view text, int depth) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at];
    } else if (text[at + 1] == '$') {
      out += '$';
      ++at;
    } else if (size_t end; text[at + 1] == '{' && (end = Closing(text, at + 1)) != std::string_view::npos) {
      out += Reference(text.substr(at + 2, end - at - 2), depth).value_or("");
      at = end;
    } else {
      std::string_view name =
          text.substr(at + 1, std::min(text.find_first_not_of(kNameBytes, at + 1), text.size()) - at - 1);
      if (IsName(name))
        problems_.Warn(at_, "{}: ${} is taken as text; write ${{env:{}}} for the variable", path_, name,
                       name);
      out += '$';
    }
  }
  return out;
}

std::optional<std::string> Expander::Reference(std::string_view inside, int depth) {
  if (depth > kNestingMax) {
    problems_.SpoilingError(at_, "{}: ${{…}} nested deeper than {}", path_, kNestingMax);
    return std::nullopt;
  }
  std::string uri = Text(inside, depth + 1);
  std::string_view rest = uri;
  size_t colon = rest.find(':');
  if (colon != std::string_view::npos && !rest.substr(colon).starts_with(":-")) {
    if (rest.substr(0, colon) != "env") {
      problems_.SpoilingError(at_, "{}: scheme \"{}\" is not supported for uri \"{}\"", path_,
                              rest.substr(0, colon), uri);
      return std::nullopt;
    }
    rest.remove_prefix(colon + 1);
  }
  size_t dash = rest.find(":-");
  std::string_view name = rest.substr(0, dash);
  if (!IsName(name)) {
    problems_.SpoilingError(
        at_, "{}: environment variable \"{}\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$",
        path_, name);
    return std::nullopt;
  }
  if (std::optional<std::string> value = environment_(name)) return value;
  if (dash != std::string_view::npos) return std::string(rest.substr(dash + 2));
  problems_.SpoilingError(
      at_, "{}: environment variable \"{}\" is not set (${{env:{}:-}} says that it may be empty)", path_,
      name, name);
  return std::nullopt;
}

}  // namespace

Environment ProcessEnvironment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

void ExpandEnvironment(Yaml& root, const Environment& environment, Problems& problems) {
  Expander(environment, problems).Walk(root, "");
}

}  // namespace beleg::collector
