#include "wire/otlp_reader.h"

#include <cstring>

#include "wire/otlp_fields.h"

namespace beleg::wire::otlp {
namespace {

using protozero::pbf_wire_type;

// Most texts are: eight bytes are seen at once.
bool IsAscii(std::string_view bytes) {
  uint64_t word, seen = 0;
  if (bytes.size() < sizeof(word)) {
    for (char c : bytes) seen |= static_cast<uint8_t>(c);
    return seen < 0x80;
  }
  const auto look = [&](size_t at) {
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    seen |= word;
  };
  for (size_t at = 0; at + sizeof(word) < bytes.size(); at += sizeof(word)) look(at);
  look(bytes.size() - sizeof(word));
  return (seen & 0x8080808080808080u) == 0;
}

bool IsText(std::string_view bytes) { return IsAscii(bytes) || IsUtf8(bytes); }

std::string_view WireTypeName(pbf_wire_type type) {
  switch (type) {
    case pbf_wire_type::varint: return "varint";
    case pbf_wire_type::fixed64: return "fixed64";
    case pbf_wire_type::length_delimited: return "length-delimited";
    case pbf_wire_type::fixed32: return "fixed32";
    default: return "unknown";
  }
}

}  // namespace

bool OtlpReader::Refuse(std::string_view name, std::string_view what) {
  std::string path;
  for (const auto& [step, index] : path_) {
    fmt::format_to(std::back_inserter(path), "{}{}", path.empty() ? "" : ".", step);
    if (index != kNoIndex) fmt::format_to(std::back_inserter(path), "[{}]", index);
  }
  if (!name.empty()) path += (path.empty() ? "" : ".") + std::string(name);
  if (path.empty()) path = "request";
  error_ = {ErrorCode::kInvalidArgument,
            fmt::format("{}: {} (at byte {})", path, what, field_ - request_.data())};
  return false;
}

bool OtlpReader::Typed(const Message& message, std::string_view name, pbf_wire_type type) {
  if (message.wire_type() == type) return true;
  return Refuse(name,
                fmt::format("wire type {}, want {}", WireTypeName(message.wire_type()), WireTypeName(type)));
}

bool OtlpReader::ViewText(Message& message, const char* name, std::string_view& out) {
  if (!Typed(message, name, pbf_wire_type::length_delimited)) return false;
  auto view = message.get_view();
  out = {view.data(), view.size()};
  return IsText(out) || Refuse(name, "no UTF-8");
}

bool OtlpReader::ReadText(Message& message, const char* name, std::string& out) {
  std::string_view view;
  if (!ViewText(message, name, view)) return false;
  out.assign(view);
  return true;
}

bool OtlpReader::ReadTime(Message& message, const char* name, int64_t& out) {
  if (!Typed(message, name, pbf_wire_type::fixed64)) return false;
  uint64_t unix_ns = message.get_fixed64();
  out = static_cast<int64_t>(unix_ns);
  return out >= 0 || Refuse(name, fmt::format("time {} is beyond the year 2262", unix_ns));
}

bool OtlpReader::ReadFlags(Message& message, const char* name, uint32_t& out) {
  if (!Typed(message, name, pbf_wire_type::fixed32)) return false;
  out = message.get_fixed32();
  return true;
}

bool OtlpReader::ReadAttribute(Message& message, const char* name, Attributes& attributes) {
  return ReadMessage(message, name, attributes.size(),
                     [&](Message& entry) { return ReadKeyValue(entry, 0, attributes.emplace_back()); });
}

bool OtlpReader::ReadDouble(Message& message, const char* name, double& out) {
  if (!Typed(message, name, pbf_wire_type::fixed64)) return false;
  out = message.get_double();
  return true;
}

bool OtlpReader::ReadFixed64(Message& message, const char* name, uint64_t& out) {
  if (!Typed(message, name, pbf_wire_type::fixed64)) return false;
  out = message.get_fixed64();
  return true;
}

bool OtlpReader::ReadResource(Message& message, Attributes& attributes) {
  while (Next(message)) {
    if (message.tag() != fields::resource_spans::kResourceAttributes) {
      message.skip();
    } else if (!ReadAttribute(message, "attributes", attributes)) {
      return false;
    }
  }
  return true;
}

bool OtlpReader::ReadScope(Message& message, std::string& name, std::string& version,
                           Attributes& attributes) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::scope::kName: ok = ReadText(message, "name", name); break;
      case fields::scope::kVersion: ok = ReadText(message, "version", version); break;
      case fields::scope::kAttributes: ok = ReadAttribute(message, "attributes", attributes); break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool OtlpReader::ReadKeyValue(Message& message, int depth, KeyValue& out) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::key_value::kKey: ok = ReadText(message, "key", out.key); break;
      case fields::key_value::kValue:
        ok = ReadMessage(message, "value", kNoIndex,
                         [&](Message& value) { return ReadValue(value, depth, out.value); });
        break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool OtlpReader::ReadValue(Message& message, int depth, Value& out) {
  while (Next(message)) {
    bool ok = true;
    switch (message.tag()) {
      case fields::any_value::kString:
        ok = ReadText(message, "string_value", out.value.emplace<std::string>());
        break;
      case fields::any_value::kBool:
        ok = Typed(message, "bool_value", pbf_wire_type::varint);
        if (ok) out.value = message.get_uint64() != 0;
        break;
      case fields::any_value::kInt:
        ok = Typed(message, "int_value", pbf_wire_type::varint);
        if (ok) out.value = message.get_int64();
        break;
      case fields::any_value::kDouble:
        ok = Typed(message, "double_value", pbf_wire_type::fixed64);
        if (ok) out.value = message.get_double();
        break;
      case fields::any_value::kArray:
        ok = ReadMessage(message, "array_value", kNoIndex,
                         [&](Message& items) { return ReadArray(items, depth + 1, out); });
        break;
      case fields::any_value::kMap:
        ok = ReadMessage(message, "kvlist_value", kNoIndex,
                         [&](Message& items) { return ReadMap(items, depth + 1, out); });
        break;
      case fields::any_value::kBytes:
        ok = Typed(message, "bytes_value", pbf_wire_type::length_delimited);
        if (ok) out.value = Bytes{message.get_string()};
        break;
      default: message.skip();
    }
    if (!ok) return false;
  }
  return true;
}

bool OtlpReader::ReadArray(Message& message, int depth, Value& out) {
  if (depth > kValueDepthMax) return Refuse("", fmt::format("nested deeper than {}", kValueDepthMax));
  std::vector<Value> items;
  while (Next(message)) {
    if (message.tag() != fields::any_value::kItems) {
      message.skip();
    } else if (!ReadMessage(message, "values", items.size(),
                            [&](Message& item) { return ReadValue(item, depth, items.emplace_back()); })) {
      return false;
    }
  }
  out.value = std::move(items);
  return true;
}

bool OtlpReader::ReadMap(Message& message, int depth, Value& out) {
  if (depth > kValueDepthMax) return Refuse("", fmt::format("nested deeper than {}", kValueDepthMax));
  std::vector<KeyValue> entries;
  while (Next(message)) {
    if (message.tag() != fields::any_value::kItems) {
      message.skip();
    } else if (!ReadMessage(message, "values", entries.size(), [&](Message& entry) {
                 return ReadKeyValue(entry, depth, entries.emplace_back());
               })) {
      return false;
    }
  }
  out.value = std::move(entries);
  return true;
}

}  // namespace beleg::wire::otlp
