#include "wire/yaml.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <yaml-cpp/yaml.h>

namespace beleg::wire {
namespace {

Yaml::Mark MarkOf(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }

class Walk {
 public:
  explicit Walk(std::string_view file) : file_(file) {}

  Result<Yaml> Node(const YAML::Node& node, int depth);

 private:
  Result<Yaml> Map(const YAML::Node& node, int depth);
  Result<void> Merge(const Yaml& value, std::vector<YamlMember>& merged);

  template <class... Args>
  std::unexpected<Error> FailAt(Yaml::Mark at, fmt::format_string<Args...> format, Args&&... args) {
    return Fail(ErrorCode::kInvalidArgument, "{}:{}:{}: {}", file_, at.line, at.column,
                fmt::format(format, std::forward<Args>(args)...));
  }

  const std::string_view file_;
  size_t nodes_ = 0;
};

Result<Yaml> Walk::Node(const YAML::Node& node, int depth) {
  Yaml::Mark mark = MarkOf(node.Mark());
  if (depth > kYamlDepthMax) return FailAt(mark, "nested deeper than {}", kYamlDepthMax);
  if (++nodes_ > kYamlNodesMax) return FailAt(mark, "more than {} values", kYamlNodesMax);
  if (node.IsMap()) return Map(node, depth);
  Yaml out;
  out.mark = mark;
  if (node.IsSequence()) {
    out.kind = Yaml::Kind::kSequence;
    for (const YAML::Node& item : node) {
      TRY_ASSIGN(Yaml value, Node(item, depth + 1));
      out.items.push_back(std::move(value));
    }
  } else if (node.IsScalar()) {
    out.kind = Yaml::Kind::kScalar;
    out.text = node.Scalar();
    out.quoted = node.Tag() == "!";
    if (!out.quoted && std::holds_alternative<std::monostate>(out.Scalar())) out.kind = Yaml::Kind::kNull;
  }
  return out;
}

Result<Yaml> Walk::Map(const YAML::Node& node, int depth) {
  Yaml out;
  out.kind = Yaml::Kind::kMap;
  out.mark = MarkOf(node.Mark());
  std::vector<YamlMember> merged;
  for (const auto& pair : node) {
    const YAML::Node& key = pair.first;
    Yaml::Mark at = MarkOf(key.Mark());
    if (!key.IsScalar()) return FailAt(at, "a key must be text");
    TRY_ASSIGN(Yaml child, Node(pair.second, depth + 1));
    if (key.Scalar() == "<<") {
      TRY(Merge(child, merged));
      continue;
    }
    auto same = std::ranges::find(out.members, key.Scalar(), &YamlMember::key);
    if (same != out.members.end())
      return FailAt(at, "mapping key \"{}\" already defined at line {}", key.Scalar(), same->mark.line);
    if (child.mark.line == 0) child.mark = at;
    out.members.push_back(YamlMember{key.Scalar(), at, std::move(child)});
  }
  for (YamlMember& member : merged)
    if (out.Find(member.key) == nullptr) out.members.push_back(std::move(member));
  return out;
}

// Of several maps the first that has a key wins (yaml.org/type/merge).
Result<void> Walk::Merge(const Yaml& value, std::vector<YamlMember>& merged) {
  if (value.is_sequence()) {
    for (const Yaml& item : value.items) TRY(Merge(item, merged));
    return {};
  }
  if (!value.is_map()) return FailAt(value.mark, "<< takes a map or a list of maps");
  for (const YamlMember& member : value.members)
    if (std::ranges::find(merged, member.key, &YamlMember::key) == merged.end()) merged.push_back(member);
  return {};
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

bool ParseWhole(std::string_view text, int64_t& out) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 2 && text[0] == '0' && IsOneOf(text.substr(0, 2), {"0x", "0o", "0b"})) {
    base = text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  if (text.empty() || text[0] == '-' || text[0] == '+') return false;
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  if (value > static_cast<uint64_t>(INT64_MAX) + (negative ? 1 : 0)) return false;
  out = static_cast<int64_t>(negative ? ~value + 1 : value);
  return true;
}

bool ParseFraction(std::string_view text, double& out) {
  if (IsOneOf(text, {".inf", "+.inf", ".Inf", ".INF"})) return out = HUGE_VAL, true;
  if (IsOneOf(text, {"-.inf", "-.Inf", "-.INF"})) return out = -HUGE_VAL, true;
  if (IsOneOf(text, {".nan", ".NaN", ".NAN"})) return out = std::nan(""), true;
  if (text.starts_with('+')) text.remove_prefix(1);
  if (text.find_first_of("0123456789") == std::string_view::npos ||
      text.find_first_not_of("0123456789+-.eE") != std::string_view::npos)
    return false;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

std::string Quote(std::string_view text) {
  YAML::Emitter emitter;
  emitter << YAML::DoubleQuoted << std::string(text);
  return emitter.c_str();
}

void Emit(const Yaml& node, size_t indent, std::string& out) {
  switch (node.kind) {
    case Yaml::Kind::kNull: out += " null\n"; return;
    case Yaml::Kind::kScalar: {
      bool text = std::holds_alternative<std::string>(node.Scalar());
      out += ' ' + (text ? Quote(node.text) : node.text) + '\n';
      return;
    }
    case Yaml::Kind::kSequence:
      if (node.items.empty()) break;
      out += '\n';
      for (const Yaml& item : node.items) {
        out.append(indent, ' ') += '-';
        Emit(item, indent + 2, out);
      }
      return;
    case Yaml::Kind::kMap:
      if (node.members.empty()) break;
      out += '\n';
      for (const YamlMember& member : node.members) {
        bool plain =
            member.key.find_first_not_of(
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-") == std::string::npos;
        out.append(indent, ' ') += (plain && !member.key.empty() ? member.key : Quote(member.key)) + ':';
        Emit(member.value, indent + 2, out);
      }
      return;
  }
  out += node.is_map() ? " {}\n" : " []\n";
}

}  // namespace

Result<Yaml> Yaml::Parse(std::string_view text, std::string_view file) try {
  if (text.size() > kYamlBytesMax)
    return Fail(ErrorCode::kInvalidArgument, "{}: {} bytes, at most {}", file, text.size(), kYamlBytesMax);
  YAML::Node root = YAML::Load(std::string(text));
  return Walk(file).Node(root, 0);
} catch (const YAML::Exception& error) {
  Mark at = MarkOf(error.mark);
  return Fail(ErrorCode::kInvalidArgument, "{}:{}:{}: yaml: {}", file, at.line, at.column, error.msg);
}

const Yaml* Yaml::Find(std::string_view key) const {
  auto found = std::ranges::find(members, key, &YamlMember::key);
  return found == members.end() ? nullptr : &found->value;
}

YamlScalar Yaml::Scalar() const {
  if (kind != Kind::kScalar) return {};
  if (quoted) return text;
  if (IsOneOf(text, {"", "~", "null", "Null", "NULL"})) return {};
  if (IsOneOf(text, {"true", "True", "TRUE"})) return true;
  if (IsOneOf(text, {"false", "False", "FALSE"})) return false;
  int64_t whole = 0;
  if (ParseWhole(text, whole)) return whole;
  double fraction = 0;
  if (ParseFraction(text, fraction)) return fraction;
  return text;
}

std::string_view Yaml::type_name() const {
  switch (kind) {
    case Kind::kNull: return "null";
    case Kind::kSequence: return "list";
    case Kind::kMap: return "map";
    case Kind::kScalar: break;
  }
  constexpr std::string_view kNames[] = {"null", "bool", "int", "float64", "string"};
  return kNames[Scalar().index()];
}

std::string Yaml::Dump() const {
  std::string out;
  Emit(*this, 0, out);
  out.erase(0, out.empty() ? 0 : 1);  // the space or line break that parts a value from its key
  return out;
}

}  // namespace beleg::wire
