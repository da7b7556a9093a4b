#include "serve/ledger_api.h"

#include "record/request_id.h"
#include "verify/proof.h"
#include "verify/tiles.h"
#include "wire/json.h"

namespace beleg::serve {
namespace {

constexpr std::chrono::milliseconds kCheckpointWait{5000};
constexpr std::chrono::milliseconds kCosignatureWait{3000};
constexpr std::string_view kProofPrefix = "/audit/proof/";
constexpr std::string_view kRecordPrefix = "/audit/record/";

}  // namespace

net::HttpResponse LedgerError(int status, std::string message) {
  return net::MakeResponse(status, "text/plain; charset=utf-8", std::move(message) + "\n");
}

net::HttpResponse LedgerError(const Error& error) {
  return LedgerError(HttpStatusOf(error.code), error.message);
}

net::HttpResponse LedgerApi::Handle(const net::HttpRequest& request) const {
  if (!token_.empty()) {
    auto token = net::BearerToken(request.headers);
    if (!token || !net::EqualSecret(*token, token_)) {
      net::HttpResponse response = LedgerError(401, "a bearer token is needed");
      response.headers.Add("WWW-Authenticate", "Bearer");
      return response;
    }
  }
  if (request.method != "GET" && request.method != "HEAD") return LedgerError(405, "only GET");
  std::string_view path = request.path();
  if (path == "/audit/tip") return Tip();
  if (path == "/audit/vkey")
    return net::MakeResponse(200, "text/plain; charset=utf-8", ledger_.vkey() + "\n");
  if (path == "/audit/checkpoint") return CosignedCheckpoint();
  if (path == "/audit/status") return net::MakeResponse(200, "application/json", witnessing_.Status().Dump());
  if (path.starts_with(kProofPrefix) || path.starts_with(kRecordPrefix)) return OfRequest(path);

  Result<ledger::Resource> resource = ledger_.ReadResource(path.substr(1));
  if (!resource) return LedgerError(resource.error());
  if (path == "/checkpoint") resource->bytes = cosigned_.Decorate(resource->bytes);
  net::HttpResponse response = net::MakeResponse(200, resource->content_type, std::move(resource->bytes));
  response.headers.Add("Cache-Control",
                       resource->immutable ? "public, max-age=31536000, immutable" : "no-cache");
  return response;
}

net::HttpResponse LedgerApi::Tip() const {
  Result<uint64_t> size = ledger_.CheckpointAtLeast(ledger_.durable_size(), kCheckpointWait);
  if (!size) return LedgerError(size.error());
  wire::Json body = wire::Json::MakeObject(
      {{"size", static_cast<int64_t>(*size)}, {"origin", ledger_.origin()}, {"vkey", ledger_.vkey()}});
  return net::MakeResponse(200, "application/json", body.Dump());
}

net::HttpResponse LedgerApi::CosignedCheckpoint() const {
  std::string note = cosigned_.Newest();
  if (note.empty()) return LedgerError(404, "no checkpoint has enough cosignatures yet");
  net::HttpResponse response = net::MakeResponse(200, "text/plain; charset=utf-8", std::move(note));
  response.headers.Add("Cache-Control", "no-cache");
  return response;
}

net::HttpResponse LedgerApi::OfRequest(std::string_view path) const {
  bool proof = path.starts_with(kProofPrefix);
  Result<RequestId> id =
      record::ParseRequestId(path.substr(proof ? kProofPrefix.size() : kRecordPrefix.size()));
  if (!id) return LedgerError(id.error());
  Result<uint64_t> index = ledger_.FindRequest(*id);
  if (!index) return LedgerError(index.error());
  if (proof) {
    Result<std::string> text = Proof(*index);
    if (!text) return LedgerError(text.error());
    return net::MakeResponse(200, "text/plain; charset=utf-8", std::move(*text));
  }
  Result<std::vector<ledger::Leaf>> leaf = ledger_.Read(*index, 1, SIZE_MAX);
  if (!leaf) return LedgerError(leaf.error());
  net::HttpResponse response = net::MakeResponse(200, "application/json", std::move((*leaf)[0].bytes));
  response.headers.Add("Audit-Index", std::to_string(*index));
  return response;
}

// Against the newest checkpoint that has its quorum; where witnesses are slow or there are none, against the newest at all, with the
// cosignatures that there are.
Result<std::string> LedgerApi::Proof(uint64_t index) const {
  TRY_ASSIGN(std::string newest, ledger_.Proof(index));
  witnessing_.WaitFor(index + 1, kCosignatureWait);
  std::string note = cosigned_.Newest();
  auto text = verify::ParseNote(note);
  auto checkpoint = text ? verify::ParseCheckpoint(text->text) : std::unexpected(text.error());
  if (!checkpoint || checkpoint->size <= index) {
    TRY_ASSIGN(verify::TlogProof proof, verify::ParseTlogProof(newest));
    proof.checkpoint = cosigned_.Decorate(proof.checkpoint);
    return verify::FormatTlogProof(proof);
  }
  verify::TileReader tiles(
      [this](const std::string& path) -> Result<std::string> {
        TRY_ASSIGN(ledger::Resource file, ledger_.ReadResource(path));
        return std::move(file.bytes);
      },
      *checkpoint);
  TRY_ASSIGN(auto hashes, tiles.InclusionProof(index));
  return verify::FormatTlogProof({"", index, std::move(hashes), std::move(note)});
}

}  // namespace beleg::serve
