#include "wire/json.h"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "base/check.h"

namespace beleg::wire {
namespace {

constexpr size_t kKeptParserBytes =
    1 << 20;  // a thread keeps a parser of this size; larger texts get their own
constexpr size_t kShownKeyBytes = 64;

std::string ShownKey(std::string_view key) {
  if (key.size() <= kShownKeyBytes) return std::string(key);
  size_t end = kShownKeyBytes;
  while (end > 0 && (static_cast<uint8_t>(key[end]) & 0xc0) == 0x80) --end;
  return std::string(key.substr(0, end)) + "…";
}

// The key that stands twice in the object, or nullptr. Small objects are compared pairwise, large ones sorted, so that
// a hostile object of a million members costs no square.
const std::string* FindDuplicate(const Json::Object& members) {
  constexpr size_t kPairwiseMax = 16;
  if (members.size() <= kPairwiseMax) {
    for (size_t i = 1; i < members.size(); ++i)
      for (size_t j = 0; j < i; ++j)
        if (members[i].first == members[j].first) return &members[i].first;
    return nullptr;
  }
  std::vector<const std::string*> keys;
  keys.reserve(members.size());
  for (const auto& member : members) keys.push_back(&member.first);
  std::ranges::sort(keys, {}, [](const std::string* key) -> const std::string& { return *key; });
  auto twice = std::ranges::adjacent_find(keys, [](auto* left, auto* right) { return *left == *right; });
  return twice == keys.end() ? nullptr : *twice;
}

// The path of the first duplicate member in value; nullopt: there is none.
std::optional<std::string> DuplicatePath(const Json& value) {
  if (value.is_array()) {
    const auto& items = value.as_array();
    for (size_t i = 0; i < items.size(); ++i)
      if (auto path = DuplicatePath(items[i]))
        return fmt::format("[{}]{}{}", i, path->starts_with('[') ? "" : ".", *path);
  }
  if (value.is_object()) {
    if (const auto* key = FindDuplicate(value.as_object())) return ShownKey(*key);
    for (const auto& [key, member] : value.as_object())
      if (auto path = DuplicatePath(member))
        return ShownKey(key) + (path->starts_with('[') ? "" : ".") + *path;
  }
  return std::nullopt;
}

// The way of nearly every text. False: simdjson refuses it, and does not say where.
bool BuildFast(simdjson::dom::element element, int depth, Json& out);

bool BuildFastArray(simdjson::dom::array array, int depth, Json& out) {
  Json::Array items;
  items.reserve(array.size());
  for (auto item : array)
    if (!BuildFast(item, depth, items.emplace_back())) return false;
  out = Json(std::move(items));
  return true;
}

bool BuildFastObject(simdjson::dom::object object, int depth, Json& out) {
  Json::Object members;
  members.reserve(object.size());
  for (auto field : object)
    if (!BuildFast(field.value, depth, members.emplace_back(std::string(field.key), Json()).second))
      return false;
  out = Json(std::move(members));
  return true;
}

bool BuildFast(simdjson::dom::element element, int depth, Json& out) {
  using simdjson::dom::element_type;
  switch (element.type()) {
    case element_type::ARRAY:
      return depth < kJsonDepthMax && BuildFastArray(element.get_array().value_unsafe(), depth + 1, out);
    case element_type::OBJECT:
      return depth < kJsonDepthMax && BuildFastObject(element.get_object().value_unsafe(), depth + 1, out);
    case element_type::INT64:
      out = Json(static_cast<int64_t>(element.get_int64().value_unsafe()));
      return true;
    case element_type::UINT64:
      out = Json(static_cast<double>(element.get_uint64().value_unsafe()));
      return true;
    case element_type::DOUBLE: out = Json(element.get_double().value_unsafe()); return true;
    case element_type::STRING: out = Json(element.get_string().value_unsafe()); return true;
    case element_type::BOOL: out = Json(element.get_bool().value_unsafe()); return true;
    case element_type::NULL_VALUE: out = Json(); return true;
  }
  return false;
}

bool ParseFast(std::string_view text, Json& out) {
  thread_local simdjson::dom::parser kept;
  std::optional<simdjson::dom::parser> own;
  simdjson::dom::parser& parser = text.size() <= kKeptParserBytes ? kept : own.emplace();
  simdjson::dom::element root;
  if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return false;
  return BuildFast(root, 0, out);
}

// "line 3, column 14" of the byte, both from 1, columns in characters.
std::string PlaceOf(std::string_view text, size_t byte) {
  std::string_view before = text.substr(0, byte);
  size_t line_start = before.rfind('\n') + 1;  // npos + 1 == 0
  auto is_character = [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; };
  return fmt::format("line {}, column {}", 1 + std::ranges::count(before, '\n'),
                     1 + std::ranges::count_if(before.substr(line_start), is_character));
}

// nlohmann's words without its own prefix and without the piece of input that it quotes:
// "syntax error while parsing object - unexpected ']'; expected '}'" → "unexpected ']', expected ',' or '}'".
std::string Reword(std::string what) {
  if (size_t at = what.find(" - "); what.find("syntax error") != std::string::npos && at != std::string::npos)
    what.erase(0, at + 3);
  if (size_t at = what.find("] "); what.starts_with("[json.exception") && at != std::string::npos)
    what.erase(0, at + 2);
  size_t quoted = what.find("; last read: '"), expected = what.rfind("; expected ");
  if (quoted != std::string::npos)
    what.erase(quoted,
               expected != std::string::npos && expected > quoted ? expected - quoted : std::string::npos);
  if (size_t at = what.find("number overflow"); at != std::string::npos) what = "number out of range";
  if (size_t at = what.rfind("; expected "); at != std::string::npos) what.replace(at, 2, ", ");
  for (std::string_view close : {"expected '}'", "expected ']'"})
    if (what.ends_with(close)) what.insert(what.size() - 3, "',' or ");
  return what;
}

// Builds the same values as BuildFast from nlohmann's parser, which says where a text is wrong and reads whole numbers
// of any size. The base class's names are the library's.
class CarefulBuilder : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit CarefulBuilder(std::string_view text) : text_(text) {}

  Json& root() { return root_; }
  const std::string& message() const { return message_; }

  bool null() override { return Add(Json()); }
  bool boolean(bool value) override { return Add(Json(value)); }
  bool number_integer(int64_t value) override { return Add(Json(value)); }
  bool number_unsigned(uint64_t value) override {
    return Add(std::in_range<int64_t>(value) ? Json(value) : Json(static_cast<double>(value)));
  }
  bool number_float(double value, const std::string&) override { return Add(Json(value)); }
  bool string(std::string& value) override { return Add(Json(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json(Json::Object())); }
  bool start_array(size_t) override { return Open(Json(Json::Array())); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(std::string& value) override {
    open_.back().key = std::move(value);
    return true;
  }
  bool parse_error(size_t position, const std::string&, const nlohmann::json::exception& exception) override {
    // The position counts the bytes read, the end of the text as one.
    message_ =
        fmt::format("{}: {}", PlaceOf(text_, position > 0 ? position - 1 : 0), Reword(exception.what()));
    return false;
  }

 private:
  struct Frame {
    Json container;
    std::string key;  // of the member to come
  };

  bool Add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Frame& frame = open_.back(); frame.container.is_array()) {
      frame.container.as_array().push_back(std::move(value));
    } else {
      frame.container.as_object().emplace_back(std::move(frame.key), std::move(value));
    }
    return true;
  }
  bool Open(Json container) {
    if (open_.size() == static_cast<size_t>(kJsonDepthMax)) {
      message_ = fmt::format("nested deeper than {}", kJsonDepthMax);
      return false;
    }
    open_.push_back({std::move(container), {}});
    return true;
  }
  bool Close() {
    Json value = std::move(open_.back().container);
    open_.pop_back();
    return Add(std::move(value));
  }

  const std::string_view text_;
  Json root_;
  std::vector<Frame> open_;
  std::string message_;
};

Result<Json> ParseCarefully(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf"))
    return Fail(ErrorCode::kInvalidArgument, "line 1, column 1: byte order mark, expected a value");
  CarefulBuilder builder(text);
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
    return Fail(ErrorCode::kInvalidArgument, "{}", builder.message());
  if (size_t at = text.find('\0'); at != std::string_view::npos)  // where nlohmann takes the text to end
    return Fail(ErrorCode::kInvalidArgument, "{}: NUL byte", PlaceOf(text, at));
  return std::move(builder.root());
}

}  // namespace

Result<Json> Json::Parse(std::string_view text) try {
  Json value;
  if (!ParseFast(text, value)) {
    TRY_ASSIGN(value, ParseCarefully(text));
  }
  if (auto path = DuplicatePath(value))
    return Fail(ErrorCode::kInvalidArgument, "{}: duplicate member", *path);
  return value;
} catch (const std::exception& exception) {  // simdjson and nlohmann may run out of memory
  return Fail(ErrorCode::kInternal, "JSON parser: {}", exception.what());
}

}  // namespace beleg::wire
