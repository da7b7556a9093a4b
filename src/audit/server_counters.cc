#include "audit/server_counters.h"

#include <cmath>

#include "wire/prometheus_text.h"

namespace beleg::audit {
namespace {

std::string LabelOf(const wire::PrometheusSample& sample, std::string_view name) {
  for (const auto& [label, value] : sample.labels)
    if (label == name) return value;
  return "";
}

void Take(const wire::PrometheusSample& sample, ServerCounters& counters) {
  if (!std::isfinite(sample.value)) return;
  const auto value = static_cast<int64_t>(sample.value);
  if (sample.name == "beleg_requests_total") counters.by_end[LabelOf(sample, "end")] = value;
  if (sample.name == "vllm:prompt_tokens_total") counters.prompt_tokens = value;
  if (sample.name == "vllm:generation_tokens_total") counters.generation_tokens = value;
  if (sample.name == "beleg_boot_info")
    if (auto boot = BootId::FromHex(LabelOf(sample, "boot"))) counters.boot = *boot;
}

}  // namespace

Result<ServerCounters> FetchCounters(WebClient& server) {
  TRY_ASSIGN(net::HttpResponse response, server.Get("metrics"));
  auto families = wire::ParsePrometheusText(response.body);
  if (!families)
    return Fail(ErrorCode::kDataLoss, "GET {}/metrics: {}", server.base_url(), families.error().message);
  ServerCounters counters;
  counters.prompt_tokens = counters.generation_tokens = -1;
  for (const wire::PrometheusFamily& family : *families)
    for (const wire::PrometheusSample& sample : family.samples) Take(sample, counters);
  return counters;
}

std::vector<Finding> CompareCounters(const ServerCounters& before, const ServerCounters& after,
                                     const RequestAccounts::Totals& totals) {
  std::vector<Finding> findings;
  const auto compare = [&findings](std::string_view name, int64_t least, int64_t recorded, int64_t most) {
    if (least >= 0 && (recorded < least || recorded > most))
      findings.push_back({"metrics", fmt::format("{}: the server counted {} to {}, its records have {}", name,
                                                 least, most, recorded)});
  };
  const auto at = [](const ServerCounters& counters, const std::string& end) {
    auto value = counters.by_end.find(end);
    return value == counters.by_end.end() ? int64_t{-1} : value->second;
  };
  const auto compare_end = [&](const std::string& end, int64_t recorded) {
    compare(end + " requests", at(before, end), recorded, at(after, end));
  };
  compare_end("answered", totals.answered);
  compare_end("failed", totals.failed);
  compare_end("cancelled", totals.cancelled);
  compare_end("refused", totals.refused);
  // Requests that a server answers without a record count here, too: with audit mode open their tokens are a finding that its
  // `unrecorded` records explain.
  compare("prompt tokens", before.prompt_tokens, totals.input_tokens, after.prompt_tokens);
  compare("generated tokens", before.generation_tokens, totals.output_tokens, after.generation_tokens);
  return findings;
}

}  // namespace beleg::audit
