// The log over HTTP, for mirrors, witnesses and auditors (port 8001): C2SP's static paths and a few of our own.
//
//   GET /checkpoint, /tile/…          C2SP tlog-tiles; the checkpoint with the cosignatures that there are by now
//   GET /audit/checkpoint             the newest checkpoint with a quorum of cosignatures; 404 while there is none
//   GET /audit/status                 {"witnesses": […], "independent_witness"}: Witnessing::Status
//   GET /audit/tip                    {"size", "origin", "vkey"}, after making a checkpoint cover all that is durable
//   GET /audit/vkey                   the log's verifier key, text
//   GET /audit/proof/{request id}     C2SP .tlog-proof of the request's record, against a cosigned checkpoint if there are witnesses
//   GET /audit/record/{request id}    the leaf's bytes
#pragma once

#include <string>

#include "ledger/ledger.h"
#include "net/http.h"
#include "serve/cosigned_checkpoints.h"
#include "serve/witnessing.h"

namespace beleg::serve {

// The plain text form of errors under /audit.
net::HttpResponse LedgerError(int status, std::string message);
net::HttpResponse LedgerError(const Error& error);

class LedgerApi {
 public:
  // token: asked as bearer on every path; "": none.
  LedgerApi(ledger::Ledger& ledger, const CosignedCheckpoints& cosigned, Witnessing& witnessing,
            std::string token)
      : ledger_(ledger), cosigned_(cosigned), witnessing_(witnessing), token_(std::move(token)) {}

  // May block for as long as a checkpoint takes: run it on a pool.
  net::HttpResponse Handle(const net::HttpRequest& request) const;

 private:
  net::HttpResponse Tip() const;
  net::HttpResponse CosignedCheckpoint() const;
  net::HttpResponse OfRequest(std::string_view path) const;
  Result<std::string> Proof(uint64_t index) const;

  ledger::Ledger& ledger_;
  const CosignedCheckpoints& cosigned_;
  Witnessing& witnessing_;
  const std::string token_;
};

}  // namespace beleg::serve
