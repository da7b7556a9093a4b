// What a client may ask about its own requests, with the key that made them, on the API's port. To another key a request is not there.
//
//   GET /audit/receipts/{request id}  {"request_id", "state": "open" | "recorded", "begin", "finish", "secret"}: both receipts again
//                                     (formats/receipt.md), null where there is none; "secret" is "given" in the finish receipt,
//                                     "forgotten", or "not yet"
//   GET /audit/proof/{request id}     C2SP .tlog-proof of the request's record
//   GET /audit/record/{request id}    the leaf's bytes
//   GET /audit/tip, /audit/vkey       as on the ledger's port (ledger_api.h)
//
// The begin receipt is given as long as this process remembers it (receipt_book.h). Later the record stands for it.
// Errors:  404 no request of this caller · 400 no request id · 503 the request is open, so it has no proof yet.
// Threads: any. May block for as long as a checkpoint takes: run it on a pool.
#pragma once

#include <string_view>

#include "serve/ledger_api.h"
#include "serve/receipt_book.h"

namespace beleg::serve {

class OwnRequestsApi {
 public:
  // ledger_api asks for no token: the caller's key was checked.
  OwnRequestsApi(ledger::Ledger& ledger, LedgerApi ledger_api, ReceiptBook& receipts)
      : ledger_(ledger), receipts_(receipts), ledger_api_(std::move(ledger_api)) {}

  // caller: the name of the key that the request came with.
  net::HttpResponse Handle(const net::HttpRequest& request, std::string_view caller) const;

 private:
  net::HttpResponse Receipts(const RequestId& id, std::string_view caller) const;
  // The leaf of the caller's request. kNotFound: it has none with this id; kUnavailable: it is open.
  Result<uint64_t> OwnLeaf(const RequestId& id, std::string_view caller) const;

  ledger::Ledger& ledger_;
  ReceiptBook& receipts_;
  const LedgerApi ledger_api_;
};

}  // namespace beleg::serve
