// The floor under readers of OTLP: fields of the right type, the path for errors, and common/v1 (attributes, values).
// For *_read.cc in this folder alone.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

#include "base/result.h"
#include "wire/otlp.h"
#include "wire/otlp_edit.h"

namespace beleg::wire::otlp {

// Reads one request. A Read… function returns false when error_ is set. protozero's exceptions are caught in Fenced
// alone, where the path and the field still say what was being read.
class OtlpReader {
 public:
  explicit OtlpReader(std::string_view request) : request_(request), field_(request.data()) {}

 protected:
  using Message = protozero::pbf_reader;
  static constexpr size_t kNoIndex = SIZE_MAX;

  template <class Read>
  Result<void> Fenced(Read read) try {
    if (read(Message(request_.data(), request_.size()))) return {};
    return std::unexpected(std::move(error_));
  } catch (const protozero::end_of_buffer_exception&) {
    Refuse("", "cut short");
    return std::unexpected(std::move(error_));
  } catch (const protozero::exception& exception) {
    Refuse("", fmt::format("no protobuf: {}", exception.what()));
    return std::unexpected(std::move(error_));
  }

  // On to the next field, remembering where it starts.
  bool Next(Message& message) {
    field_ = message.data().data();
    return message.next();
  }

  // Sets the error for a field of the message being read ("": the message itself). Returns false.
  bool Refuse(std::string_view name, std::string_view what);

  bool Typed(const Message& message, std::string_view name, protozero::pbf_wire_type type);

  // A nested message, the index-th of its name. The path keeps the step when reading fails.
  template <class Read>
  bool ReadMessage(Message& parent, const char* name, size_t index, Read read) {
    if (!Typed(parent, name, protozero::pbf_wire_type::length_delimited)) return false;
    Message message = parent.get_message();
    path_.push_back({name, index});
    if (!read(message)) return false;
    path_.pop_back();
    return true;
  }

  // A nested message that may be wrong without harm to the request: then it is counted, said of the first one why, and left
  // out, and this is true all the same. `rejected` null: as ReadMessage.
  template <class Read>
  bool ReadItem(Message& parent, const char* name, size_t index, PartialSuccess* rejected, Read read) {
    if (!Typed(parent, name, protozero::pbf_wire_type::length_delimited)) return false;
    const size_t depth = path_.size();
    if (ReadMessage(parent, name, index, read)) return true;
    if (rejected == nullptr) return false;
    path_.resize(depth);
    Reject(*rejected);
    return true;
  }

  // Each reads the current field.
  bool ViewText(Message& message, const char* name, std::string_view& out);
  bool ReadText(Message& message, const char* name, std::string& out);
  bool ReadTime(Message& message, const char* name, int64_t& out);
  bool ReadFlags(Message& message, const char* name, uint32_t& out);
  bool ReadAttribute(Message& message, const char* name, Attributes& attributes);
  bool ReadDouble(Message& message, const char* name, double& out);
  bool ReadFixed64(Message& message, const char* name, uint64_t& out);

  // Each reads a whole message: a Resource, an InstrumentationScope.
  bool ReadResource(Message& message, Attributes& attributes);
  bool ReadScope(Message& message, std::string& name, std::string& version, Attributes& attributes);

  template <class Enum>
  bool ReadEnum(Message& message, const char* name, Enum last, Enum& out) {
    if (!Typed(message, name, protozero::pbf_wire_type::varint)) return false;
    uint64_t number = message.get_uint64();
    out = number <= static_cast<uint64_t>(last) ? static_cast<Enum>(number) : Enum{};
    return true;
  }

  template <class Id>
  bool ReadId(Message& message, const char* name, bool may_be_zero, Id& out) {
    if (!Typed(message, name, protozero::pbf_wire_type::length_delimited)) return false;
    auto view = message.get_view();
    out = {};
    if (view.size() == 0 && may_be_zero) return true;
    if (view.size() != out.bytes.size())
      return Refuse(name, fmt::format("{} bytes, want {}", view.size(), out.bytes.size()));
    std::copy_n(view.data(), view.size(), reinterpret_cast<char*>(out.bytes.data()));
    return may_be_zero || !out.IsZero() || Refuse(name, "all zeros");
  }

  const std::string_view request_;
  const char* field_;  // start of the field that is being read

 private:
  struct Step {
    const char* name;
    size_t index;
  };

  void Reject(PartialSuccess& rejected) {
    ++rejected.rejected;
    if (rejected.message.empty()) rejected.message = std::move(error_.message);
  }
  bool ReadKeyValue(Message& message, int depth, KeyValue& out);
  bool ReadValue(Message& message, int depth, Value& out);
  bool ReadArray(Message& message, int depth, Value& out);
  bool ReadMap(Message& message, int depth, Value& out);

  std::vector<Step> path_;
  Error error_;
};

}  // namespace beleg::wire::otlp
