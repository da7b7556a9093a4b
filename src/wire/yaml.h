// YAML 1.2 as a tree of values that know where they stand, for configuration files.
//
// Shape:  anchors, aliases and merge keys (<<) are resolved; every key is text; a second key of the same name in one map is
//         an error, as in the OpenTelemetry Collector.
// Errors: kInvalidArgument "FILE:LINE:COLUMN: …" (both from 1).
// Limits: kYamlBytesMax, kYamlDepthMax, and kYamlNodesMax after aliases are resolved.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace beleg::wire {

constexpr size_t kYamlBytesMax = 4 << 20;
constexpr int kYamlDepthMax = 64;
constexpr size_t kYamlNodesMax = 200'000;

// A scalar by its form, as go-yaml resolves it: 0x1f, 0o17 and 017 are numbers, yes and on are text.
using YamlScalar = std::variant<std::monostate, bool, int64_t, double, std::string>;

struct YamlMember;

struct Yaml {
  enum class Kind { kNull, kScalar, kSequence, kMap };
  struct Mark {
    int line = 0;  // 0: not read from a file
    int column = 0;
  };

  Kind kind = Kind::kNull;
  Mark mark;
  std::string text;                 // of a scalar
  bool quoted = false;              // a quoted scalar is always text
  std::vector<Yaml> items;          // of a sequence
  std::vector<YamlMember> members;  // of a map, in their order

  static Result<Yaml> Parse(std::string_view text, std::string_view file);

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_sequence() const { return kind == Kind::kSequence; }
  bool is_map() const { return kind == Kind::kMap; }
  // "null", "bool", "int", "float64", "string", "list", "map": for messages.
  std::string_view type_name() const;

  // The member of a map, or nullptr.
  const Yaml* Find(std::string_view key) const;
  YamlScalar Scalar() const;  // monostate for what is no scalar

  // Block style, two spaces a level; reads back the same.
  std::string Dump() const;
};

struct YamlMember {
  std::string key;
  Yaml::Mark mark;
  Yaml value;
};

}  // namespace beleg::wire
