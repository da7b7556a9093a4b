// LedgerClient: a ledger's files and its tip over HTTP.
//
// Errors:  kUnavailable (not reachable, 5xx) · kUnauthenticated (401, 403: the token) · kNotFound · kDataLoss (an answer that is not what
//          it should be) · kCancelled.
// Threads: one at a time; Cancel from any.
#pragma once

#include <memory>
#include <string>

#include "net/http_client.h"

namespace beleg::store {

class LedgerClient {
 public:
  // token "": none is sent.
  static Result<std::unique_ptr<LedgerClient>> Open(const std::string& url, std::string token);

  struct Tip {
    uint64_t size = 0;
    std::string origin, vkey;
  };
  // GET /audit/tip: makes the ledger's checkpoint cover everything that is durable there.
  Result<Tip> FetchTip();
  // "checkpoint", "tile/…".
  Result<std::string> Fetch(const std::string& path);
  void Cancel() { client_->Cancel(); }

 private:
  LedgerClient(std::unique_ptr<net::HttpClient> client, std::string prefix, std::string token)
      : client_(std::move(client)), prefix_(std::move(prefix)), token_(std::move(token)) {}

  const std::unique_ptr<net::HttpClient> client_;
  const std::string prefix_;  // of the URL's path, ends with '/'
  const std::string token_;
};

}  // namespace beleg::store
