#include "serve/own_requests_api.h"

#include <algorithm>

#include "record/request_id.h"
#include "wire/json.h"

namespace beleg::serve {
namespace {

constexpr std::string_view kPrefix = "/audit/";

// receipts/ID → {"receipts", "ID"}
std::pair<std::string_view, std::string_view> SplitPath(std::string_view path) {
  path.remove_prefix(std::min(kPrefix.size(), path.size()));
  const size_t slash = std::min(path.find('/'), path.size());
  return {path.substr(0, slash), path.substr(std::min(slash + 1, path.size()))};
}

Error NotYours(const RequestId& id) {
  return {ErrorCode::kNotFound, fmt::format("no request {} was made with this key", id.Hex())};
}

wire::Json TextOrNull(const std::string& text) { return text.empty() ? wire::Json() : wire::Json(text); }

}  // namespace

net::HttpResponse OwnRequestsApi::Handle(const net::HttpRequest& request, std::string_view caller) const {
  if (request.method != "GET" && request.method != "HEAD") return LedgerError(405, "only GET");
  const auto [what, id_text] = SplitPath(request.path());
  if (what == "tip" || what == "vkey") return ledger_api_.Handle(request);
  if (what != "receipts" && what != "proof" && what != "record")
    return LedgerError(404, fmt::format("no path {}", request.path().substr(0, 200)));
  Result<RequestId> id = record::ParseRequestId(id_text);
  if (!id) return LedgerError(id.error());
  if (what == "receipts") return Receipts(*id, caller);
  Result<uint64_t> index = OwnLeaf(*id, caller);
  return index ? ledger_api_.Handle(request) : LedgerError(index.error());
}

net::HttpResponse OwnRequestsApi::Receipts(const RequestId& id, std::string_view caller) const {
  Result<uint64_t> index = OwnLeaf(id, caller);
  const bool open = !index && index.error().code == ErrorCode::kUnavailable;
  if (!index && !open) return LedgerError(index.error());
  ReceiptBook::Page page = receipts_.Find(id).value_or(ReceiptBook::Page());
  const bool secret_known = !page.finish.empty();
  if (index && !secret_known) {
    Result<ledger::FinishReceipt> again = ledger_.ReceiptOf(*index);
    if (!again) return LedgerError(again.error());
    page.finish = std::move(again->header);
  }
  wire::Json body = wire::Json::MakeObject({{"request_id", id.Hex()},
                                            {"state", open ? "open" : "recorded"},
                                            {"begin", TextOrNull(page.begin)},
                                            {"finish", TextOrNull(page.finish)},
                                            {"secret", open           ? "not yet"
                                                       : secret_known ? "given"
                                                                      : "forgotten"}});
  net::HttpResponse response = net::MakeResponse(200, "application/json", body.Dump());
  response.headers.Add("Cache-Control", "no-store");
  return response;
}

Result<uint64_t> OwnRequestsApi::OwnLeaf(const RequestId& id, std::string_view caller) const {
  Result<uint64_t> index = ledger_.FindRequest(id);
  if (!index && index.error().code == ErrorCode::kUnavailable) {
    auto page = receipts_.Find(id);
    if (!page || page->caller != caller) return std::unexpected(NotYours(id));
  }
  if (!index && index.error().code == ErrorCode::kNotFound) return std::unexpected(NotYours(id));
  if (!index) return index;
  TRY_ASSIGN(std::vector<ledger::Leaf> leaf, ledger_.Read(*index, 1, SIZE_MAX));
  if (leaf.empty()) return std::unexpected(NotYours(id));
  TRY_ASSIGN(record::AuditRecord record, record::Decode(leaf[0].bytes));
  const record::RequestIdentity* identity = record::IdentityOf(record);
  if (identity == nullptr || identity->caller != caller) return std::unexpected(NotYours(id));
  return index;
}

}  // namespace beleg::serve
