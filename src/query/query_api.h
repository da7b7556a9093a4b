// The store's HTTP API: OTLP in, spans, records and proofs out. Routes, parameters and answers: docs/api/store.md.
#pragma once

#include <memory>
#include <vector>

#include "net/worker_pool.h"
#include "store/mirror.h"
#include "store/store.h"

namespace beleg::query {

struct QueryApiOptions {
  std::string api_key;  // "": none asked (loopback)
  size_t body_bytes_max = 64 << 20;
  std::chrono::milliseconds visible_wait{3000};  // how long /api/v1/spans waits for records that ended before the query came
  MetricRegistry* metrics = nullptr;
};

class QueryApi {
 public:
  QueryApi(QueryApiOptions options, store::Store& store, std::vector<store::Mirror*> mirrors);

  // Blocking; run it on a pool. Answers every path (404 in JSON for unknown ones).
  net::HttpResponse Handle(const net::HttpRequest& request);       // port 3301
  net::HttpResponse HandleOtlp(const net::HttpRequest& request);   // port 14318: POST /v1/traces

 private:
  QueryApiOptions options_;
  store::Store& store_;
  std::vector<store::Mirror*> mirrors_;
};

}  // namespace beleg::query
