// What a server counts about itself outside of its log: its /metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "audit/request_accounts.h"
#include "audit/web_client.h"
#include "base/ids.h"

namespace beleg::audit {

struct ServerCounters {
  BootId boot;                                       // zeros: the server does not say
  std::map<std::string, int64_t> by_end;             // beleg_requests_total: "answered", "failed", …
  int64_t prompt_tokens = 0, generation_tokens = 0;  // vLLM's totals; -1: it has none
};

// GET metrics. kDataLoss: no Prometheus text. Others: as WebClient.
Result<ServerCounters> FetchCounters(WebClient& server);

// The records of the boot must lie between what was counted before the log was read and what was after.
std::vector<Finding> CompareCounters(const ServerCounters& before, const ServerCounters& after,
                                     const RequestAccounts::Totals& totals);

}  // namespace beleg::audit
