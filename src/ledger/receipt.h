// Receipts: what a client keeps to prove that its request was begun, and ended, in this log. One signature covers a commit
// group: the Merkle root over the group's receipt bodies is signed, each receipt carries its path to it.
//
// Source: docs/formats/receipt.md has the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "ledger/note_signer.h"

namespace beleg::ledger {

struct BeginReceiptBody {
  std::string_view origin;
  BootId boot;
  uint64_t seq = 0;
  TraceId trace_id;
  RequestId request_id;
  int64_t time_us = 0;
  int64_t resolved_by_us = 0;  // the promise: by then the log has a record of this request
};
std::string EncodeReceiptBody(const BeginReceiptBody& body);

struct FinishReceiptBody {
  std::string_view origin;
  uint64_t index = 0;
  Hash32 leaf_hash{};
  std::optional<RequestId> request_id;  // none: the record is of no request
};
std::string EncodeReceiptBody(const FinishReceiptBody& body);

// The receipts (header values) of a group of bodies, in their order.
std::vector<std::string> SignReceipts(NoteSigner& signer, const std::vector<std::string>& bodies);

// A receipt with the record's secret as its last part.
std::string AppendSecret(std::string_view receipt, const Hash32& secret);

}  // namespace beleg::ledger
