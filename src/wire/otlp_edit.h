// In-place views and editors of OTLP requests: counting, changing resources, splitting. Only what changes is written anew;
// everything else, fields that we do not know included, is copied byte for byte.
//
// The three requests have one shape, with the same field numbers: request{1: resource_x{1: resource, 2: scope_x{1: scope,
// 2: item}}}, items being spans, metrics, log records. Two requests of one kind are joined by appending the bytes of one to
// the other (protobuf: a repeated field may stand in pieces).
// Errors: kInvalidArgument where the bytes are no protobuf of this shape, with the byte offset.
#pragma once

#include <cstddef>
#include <forward_list>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "wire/otlp.h"

namespace beleg::wire::otlp {

// Spans, log records, or metrics (not their points).
Result<size_t> CountItems(std::string_view request);
// Data points of all metrics.
Result<size_t> CountDataPoints(std::string_view request);

// The attributes of one resource: views into the request, which must outlive it, and what replaces them.
class AttributeEditor {
 public:
  // message: the bytes of the Resource.
  static Result<AttributeEditor> Read(std::string_view message);

  bool Has(std::string_view key) const;
  // The encoded AnyValue of a key; empty when it is not there or has no value.
  std::string_view ValueOf(std::string_view key) const;
  void Insert(std::string_view key, std::string_view value);  // when it is not there
  void Update(std::string_view key, std::string_view value);  // when it is there
  void Upsert(std::string_view key, std::string_view value);
  void Delete(std::string_view key);

  bool changed() const { return changed_; }
  // The Resource's new bytes.
  std::string Write() const;

 private:
  struct Field {
    std::string_view raw;  // whole, with its tag; empty when made here
    bool attribute = false;
    std::string_view key;
    std::string_view value;  // the encoded AnyValue
  };
  Field* Find(std::string_view key);
  const Field* Find(std::string_view key) const;
  void Set(Field& field, std::string_view key, std::string_view value);
  std::string_view Keep(std::string_view bytes) { return given_.emplace_front(bytes); }

  std::vector<Field> fields_;
  std::forward_list<std::string> given_;  // what fields_ points to that is not of the request
  bool changed_ = false;
};

// The bytes of an AnyValue.
std::string EncodeAnyValue(const Value& value);

// Calls edit for each resource_x's resource (an empty one where there is none). An empty string means that nothing changed:
// `request` is as good.
Result<std::string> EditResources(std::string_view request,
                                  const std::function<void(AttributeEditor&)>& edit);

// What a peer said to an export of any signal: partial_success, empty when there is none.
struct PartialSuccess {
  int64_t rejected = 0;
  std::string message;
};
Result<PartialSuccess> DecodeExportResponse(std::string_view response);

// google.rpc.Status, the body of an OTLP/HTTP error: its message; "" when the bytes are none.
std::string StatusMessage(std::string_view status);
std::string EncodeStatus(int code, std::string_view message);

// Requests of items_max items each, the last of fewer; all have copies of their items' resource and scope.
Result<std::vector<std::string>> SplitItems(std::string_view request, size_t items_max);

}  // namespace beleg::wire::otlp
