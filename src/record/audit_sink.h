// AuditSink: where a part of the audit host puts on record what it does. hostlog/ is the real one.
#pragma once

#include <cstdint>
#include <string_view>

#include "record/audit_record.h"

namespace beleg::record {

// Threads: any.
class AuditSink {
 public:
  virtual ~AuditSink() = default;

  // Durable on return; the leaf's index. Errors are the ledger's: what must be on record must not be done then.
  virtual Result<uint64_t> Append(Body body) = 0;

  // Somebody with this key looked at this kind of thing (ReadAccess). Never waits and cannot fail: it is on record within a minute,
  // with what else was read meanwhile.
  virtual void CountRead(std::string_view reader, std::string_view what) = 0;
};

}  // namespace beleg::record
