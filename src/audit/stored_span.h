// Spans as the store gives them, read tolerantly: any backend with the tutorial's /api/v1/spans will do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "audit/web_client.h"
#include "wire/json.h"

namespace beleg::audit {

struct StoredSpan {
  std::string trace_id, span_id, name;  // "" when the store does not say
  bool server = true;                   // kind SERVER, or a store that gives no kind
  wire::Json attributes = wire::Json::MakeObject({});

  // The attribute as text ("" when there is none): strings as they are, the rest as JSON.
  std::string Text(std::string_view key) const;
};

struct SpanQuery {
  std::string service;
  int64_t start_ms = 0, end_ms = 0;
  int64_t limit = 1000;
};

// GET api/v1/spans?service=&start=&end=&limit=. kDataLoss when the answer has not the form {"spans":[{"attributes":{…}}]}.
Result<std::vector<StoredSpan>> FetchSpans(WebClient& store, const SpanQuery& query);

}  // namespace beleg::audit
