// OwnLog: what the store must remember of one mirrored log to turn its leaves into spans, and to find them by request.
//
// Shape:   leaves come in order from 0; boot and model records are kept, since later requests point to them.
// Threads: one at a time.
// Cost:    memory: 4 bytes a leaf, one entry a start of the server and a model loaded.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/audit_record.h"
#include "wire/otlp.h"

namespace beleg::store {

class OwnLog {
 public:
  explicit OwnLog(std::string origin) : origin_(std::move(origin)) {}

  uint64_t next_leaf() const { return next_leaf_; }
  void set_next_leaf(uint64_t next) { next_leaf_ = next; }

  struct Leaf {
    uint64_t index = 0;
    Hash32 hash{};
    std::optional<record::AuditRecord> record;  // nullopt: this version cannot read it
    wire::otlp::ScopeSpans derived;             // its spans
  };
  // A leaf that cannot be read (a newer version's record, or no record at all) is a Leaf without record: it stays evidence.
  Leaf Read(uint64_t index, std::string_view bytes);

  // Leaves that may record this request, ascending: all that do, and of the others one in 2^32. Cost: under 1 ms a million leaves.
  std::vector<uint64_t> MayRecord(const RequestId& id) const;

 private:
  void Remember(uint64_t index, const record::AuditRecord& record);
  wire::otlp::ScopeSpans Derive(const record::AuditRecord& record, uint64_t index, const Hash32& hash) const;

  const std::string origin_;
  uint64_t next_leaf_ = 0;
  std::map<uint64_t, record::Boot> boots_;    // by leaf
  std::map<uint64_t, record::Model> models_;  // by leaf
  std::vector<uint32_t> marks_;               // by leaf: MarkOf the request id, 0 where there is none
};

}  // namespace beleg::store
