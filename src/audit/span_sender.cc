#include "audit/span_sender.h"

namespace beleg::audit {
namespace {

constexpr int64_t kBatchLeaves = 512;
constexpr std::chrono::milliseconds kTimeout{30'000};
constexpr std::string_view kPath = "v1/traces";

}  // namespace

Result<void> SpanSender::Open(std::string endpoint) {
  while (endpoint.ends_with('/')) endpoint.pop_back();
  if (endpoint.ends_with(kPath)) endpoint.resize(endpoint.size() - kPath.size());
  TRY_ASSIGN(client_, WebClient::Open(endpoint, "", kTimeout));
  return {};
}

void SpanSender::Know(uint64_t index, const record::AuditRecord& record) {
  if (std::holds_alternative<record::Boot>(record.body) || std::holds_alternative<record::Model>(record.body))
    known_.emplace(index, record);
}

Result<void> SpanSender::Send(uint64_t index, std::string_view leaf) {
  TRY(batch_.Add(index, leaf));
  if (++waiting_ < kBatchLeaves) return {};
  return Flush();
}

Result<void> SpanSender::Flush() {
  const std::string body = batch_.Take();
  if (body.empty()) return {};
  TRY_ASSIGN(net::HttpResponse response, client_->Post(kPath, "application/x-protobuf", body));
  if (response.body != wire::otlp::EncodeTraceResponse(0, ""))
    return Fail(ErrorCode::kDataLoss,
                "POST {}/{}: the receiver rejected spans, or has something to say about them",
                client_->base_url(), kPath);
  sent_ += std::exchange(waiting_, 0);
  return {};
}

Result<const record::AuditRecord*> SpanSender::Lookup(uint64_t index) const {
  auto known = known_.find(index);
  if (known == known_.end()) return Fail(ErrorCode::kDataLoss, "leaf {} is no boot or model record", index);
  return &known->second;
}

}  // namespace beleg::audit
