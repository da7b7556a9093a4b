// A record as the store gives it, with the proof that it stands in the log: checked here, not believed.
#pragma once

#include <string>
#include <string_view>

#include "audit/web_client.h"
#include "record/audit_record.h"
#include "verify/policy.h"

namespace beleg::audit {

struct StoredRecord {
  uint64_t index = 0;
  std::string leaf_hash;  // hex
  std::string entry;      // the leaf's exact bytes
  std::string proof;      // tlog-proof text
  verify::Checkpoint checkpoint;
  std::string vkey;         // the key it was checked with
  bool key_pinned = false;  // false: the key is the store's own word
  verify::Policy policy;    // that key, and those that it leads to
  record::AuditRecord record;
};

// GET api/records/{request id}: {"record":{…},"index":N,"leaf_hash":hex,"proof":"<tlog-proof>","vkey":"…",
// "entry_base64":"…"}. Checks that entry, leaf hash, index, proof and record say the same under the key: pinned_vkey and those that the
// store's copy of the log leads to from it, or the answer's own when that is "".
// Errors: kNotFound (no such record yet) · kDataLoss (something does not fit; says what) · as WebClient.
Result<StoredRecord> FetchRecord(WebClient& store, std::string_view request_id, std::string_view pinned_vkey);

// The id that the record's request was answered with ("chatcmpl-…"), or "" when the record is not of a request.
std::string ResponseIdOf(const record::AuditRecord& record);

}  // namespace beleg::audit
