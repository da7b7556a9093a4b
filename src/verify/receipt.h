// Receipts of a log (docs/formats/receipt.md, version 1): what the server promised at begin and said at finish, signed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "verify/note.h"

namespace beleg::verify {

// "There will be a record of this request by resolved_by_us."
struct BeginClaim {
  BootId boot;
  uint64_t seq = 0;
  RequestId request_id;
  TraceId trace_id;
  int64_t time_us = 0, resolved_by_us = 0;  // unix microseconds
};

// "It became this leaf."
struct FinishClaim {
  uint64_t index = 0;
  Hash32 leaf_hash{};
  std::optional<RequestId> request_id;  // nullopt: the record is of no request
};

struct Receipt {
  std::string body;  // the signed bytes
  std::string origin;
  std::variant<BeginClaim, FinishClaim> claim;
  // Its place in the group that was signed together.
  uint64_t position = 0, count = 0;
  std::vector<Hash32> path;
  std::string signature;
  std::optional<Hash32> secret;  // of the record's commitment; not signed
};

// Reads the value of Audit-Begin or Audit-Finish. It says nothing until CheckReceipt. kDataLoss names the part or member.
Result<Receipt> ParseReceipt(std::string_view text);

// That the key signed it. kDataLoss else.
Result<void> CheckReceipt(const Receipt& receipt, const VerifierKey& key);

// That a checked finish receipt is of this entry. kInvalidArgument for a begin receipt, kDataLoss when it is of another.
Result<void> CheckReceiptEntry(const Receipt& receipt, std::string_view entry);

}  // namespace beleg::verify
