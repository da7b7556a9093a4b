// Reads members from canonical JSON text (RFC 8785), in one pass and without a tree of values. The caller names members in
// canonical order, as MemberWriter's does.
//
// Errors: the first one stays and makes the later calls do nothing; Finish returns it. A text that is not canonical gives some
//         error or reads as something that is written otherwise, so compare the bytes written anew (record/audit_record.cc).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/result.h"
#include "record/names.h"

namespace beleg::record {

class MemberReader {
 public:
  // Borrows the text of an object; parent is the name of the member that it stands in, for errors.
  explicit MemberReader(std::string_view object, std::string_view parent = "");

  // The raw text of a member, before members are read in order.
  std::optional<std::string_view> Find(std::string_view name) const;

  template <class T>
  void Required(std::string_view name, T& value) {
    if (At(name)) return Read(name, value);
    if (!error_) SetError(name, "missing");
  }
  template <class T>
  void Optional(std::string_view name, T& value, const std::type_identity_t<T>& absent) {
    if (!At(name)) return static_cast<void>(value = absent);
    Read(name, value);
    if (value == absent) SetError(name, "must be left out when it says nothing");
  }
  template <class T>
  void Optional(std::string_view name, std::optional<T>& value) {
    if (At(name)) Read(name, value.emplace());
  }
  void Optional(std::string_view name, std::optional<int64_t>& value);
  void OptionalSigned(std::string_view name, int64_t& value, int64_t absent);
  // Found and looked at before.
  void TypeAndVersion();
  // The error, if any; else one for a member that nobody asked for.
  Result<void> Finish();

 private:
  struct Member {
    std::string_view name;  // between the quotes, escapes as they stand
    std::string_view text;
  };

  static bool Split(std::string_view object, std::vector<Member>& members);
  // True if this member is next.
  bool At(std::string_view name);
  std::string_view Next() { return members_[next_++].text; }
  void SetError(std::string_view name, std::string_view what);

  void Read(std::string_view name, int64_t& value);
  void Read(std::string_view name, uint64_t& value);
  void Read(std::string_view name, bool& value);
  void Read(std::string_view name, double& value);
  void Read(std::string_view name, std::string& text);
  void Read(std::string_view name, std::vector<std::string>& items);
  void Read(std::string_view name, std::map<std::string, std::string>& entries);
  template <size_t N>
  void Read(std::string_view name, std::array<uint8_t, N>& bytes) {
    Hex(name, bytes.data(), N);
  }
  template <size_t N, class Tag>
  void Read(std::string_view name, Id<N, Tag>& id) {
    Hex(name, id.bytes.data(), N);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void Read(std::string_view name, Enum& value) {
    value = static_cast<Enum>(Word(name, kNames<Enum>));
  }
  template <class Struct>
    requires std::is_class_v<Struct>
  void Read(std::string_view name, Struct& value) {
    MemberReader members(Next(), name);
    Members(members, value);
    if (auto finished = members.Finish(); !finished && !error_) error_ = std::move(finished.error());
  }

  void Integer(std::string_view name, int64_t& value, int64_t min);
  void Hex(std::string_view name, uint8_t* bytes, size_t size);
  size_t Word(std::string_view name, std::span<const std::string_view> words);

  const std::string_view parent_;
  std::vector<Member> members_;
  size_t next_ = 0;
  std::optional<Error> error_;
};

}  // namespace beleg::record
