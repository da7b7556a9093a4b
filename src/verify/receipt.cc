#include "verify/receipt.h"

#include "verify/proof.h"
#include "wire/ed25519.h"
#include "wire/jcs.h"
#include "wire/sha256.h"

namespace beleg::verify {
namespace {

using wire::Json;

constexpr std::string_view kVersion = "v1";
constexpr size_t kReceiptBytesMax = 32 << 10;
constexpr size_t kHashBytes = 32;
constexpr size_t kPathHashesMax = 63;
constexpr size_t kSignatureBytes = 64;

std::vector<std::string_view> SplitAtDots(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= text.size();) {
    size_t end = std::min(text.find('.', start), text.size());
    parts.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

// RFC 4648 §5 without padding.
Result<std::string> DecodeBase64Url(std::string_view part, std::string_view what) {
  std::string standard;
  for (char c : part) {
    // What is base64 but not base64url must not slip through.
    bool foreign = c == '+' || c == '/' || c == '=';
    standard += foreign ? '!' : c == '-' ? '+' : c == '_' ? '/' : c;
  }
  while (standard.size() % 4 != 0) standard += '=';
  auto bytes = Base64Decode(standard);
  if (!bytes) return Fail(ErrorCode::kDataLoss, "receipt: {}: {}", what, bytes.error().message);
  return bytes;
}

Result<uint64_t> ParseCount(std::string_view part, std::string_view what) {
  auto number = ParseUint64(part);
  if (!number || (part.size() > 1 && part[0] == '0'))
    return Fail(ErrorCode::kDataLoss, "receipt: {}: \"{}\" is no number", what, part.substr(0, 40));
  return *number;
}

Result<std::vector<Hash32>> ParsePath(std::string_view part) {
  TRY_ASSIGN(std::string bytes, DecodeBase64Url(part, "path"));
  if (bytes.size() % kHashBytes != 0 || bytes.size() / kHashBytes > kPathHashesMax)
    return Fail(ErrorCode::kDataLoss, "receipt: path: {} bytes are not 0 to {} hashes", bytes.size(),
                kPathHashesMax);
  std::vector<Hash32> path;
  for (size_t at = 0; at < bytes.size(); at += kHashBytes)
    path.push_back(*ToArray<kHashBytes>(std::string_view(bytes).substr(at, kHashBytes)));
  return path;
}

// The members of a body, each to be taken once.
class Members {
 public:
  explicit Members(const Json& body) : body_(body) {}

  Result<std::string> Text(std::string_view key) {
    const Json* value = Take(key);
    if (value == nullptr || !value->is_string())
      return Fail(ErrorCode::kDataLoss, "receipt: body: {}: want a string", key);
    return value->as_string();
  }
  Result<int64_t> Number(std::string_view key) {
    const Json* value = Take(key);
    if (value == nullptr || !value->is_int() || value->as_int() < 0)
      return Fail(ErrorCode::kDataLoss, "receipt: body: {}: want a whole number", key);
    return value->as_int();
  }
  template <class IdType>
  Result<IdType> IdOf(std::string_view key) {
    TRY_ASSIGN(std::string text, Text(key));
    auto id = IdType::FromHex(text);
    if (!id) return Fail(ErrorCode::kDataLoss, "receipt: body: {}: {}", key, id.error().message);
    return *id;
  }
  bool Has(std::string_view key) const { return body_.Find(key) != nullptr; }
  // Nothing may be left.
  Result<void> End() const {
    if (taken_ == body_.as_object().size()) return {};
    return Fail(ErrorCode::kDataLoss, "receipt: body: {} members, want {}", body_.as_object().size(), taken_);
  }

 private:
  const Json* Take(std::string_view key) {
    const Json* value = body_.Find(key);
    taken_ += value != nullptr;
    return value;
  }

  const Json& body_;
  size_t taken_ = 0;
};

Result<BeginClaim> ReadBegin(Members& members) {
  BeginClaim claim;
  TRY_ASSIGN(claim.boot, members.IdOf<BootId>("boot"));
  TRY_ASSIGN(int64_t seq, members.Number("seq"));
  claim.seq = static_cast<uint64_t>(seq);
  TRY_ASSIGN(claim.request_id, members.IdOf<RequestId>("request_id"));
  TRY_ASSIGN(claim.trace_id, members.IdOf<TraceId>("trace_id"));
  TRY_ASSIGN(claim.time_us, members.Number("time_us"));
  TRY_ASSIGN(claim.resolved_by_us, members.Number("resolved_by_us"));
  return claim;
}

Result<FinishClaim> ReadFinish(Members& members) {
  FinishClaim claim;
  TRY_ASSIGN(int64_t index, members.Number("index"));
  claim.index = static_cast<uint64_t>(index);
  TRY_ASSIGN(auto leaf_hash, (members.IdOf<Id<kHashBytes, struct LeafHashTag>>("leaf_hash")));
  claim.leaf_hash = leaf_hash.bytes;
  if (members.Has("request_id")) {
    TRY_ASSIGN(claim.request_id, members.IdOf<RequestId>("request_id"));
  }
  return claim;
}

Result<void> ReadBody(Receipt& receipt) {
  auto body = wire::ParseCanonical(receipt.body);
  if (!body) return Fail(ErrorCode::kDataLoss, "receipt: body: {}", body.error().message);
  if (!body->is_object()) return Fail(ErrorCode::kDataLoss, "receipt: body: no object");
  Members members(*body);
  TRY_ASSIGN(std::string type, members.Text("type"));
  TRY_ASSIGN(receipt.origin, members.Text("origin"));
  if (type == "begin") {
    TRY_ASSIGN(receipt.claim, ReadBegin(members));
  } else if (type == "finish") {
    TRY_ASSIGN(receipt.claim, ReadFinish(members));
  } else {
    return Fail(ErrorCode::kDataLoss, "receipt: body: type \"{}\" is unknown", type);
  }
  return members.End();
}

}  // namespace

Result<Receipt> ParseReceipt(std::string_view text) {
  if (text.size() > kReceiptBytesMax)
    return Fail(ErrorCode::kDataLoss, "receipt: {} bytes, at most {}", text.size(), kReceiptBytesMax);
  std::vector<std::string_view> parts = SplitAtDots(text);
  if (parts[0] != kVersion)
    return Fail(ErrorCode::kDataLoss, "receipt: does not begin with \"{}.\"", kVersion);
  if (parts.size() != 6 && parts.size() != 7)
    return Fail(ErrorCode::kDataLoss, "receipt: {} parts, want 6 or 7: it is cut or bent", parts.size());
  Receipt receipt;
  TRY_ASSIGN(receipt.body, DecodeBase64Url(parts[1], "body"));
  TRY(ReadBody(receipt));
  TRY_ASSIGN(receipt.position, ParseCount(parts[2], "position"));
  TRY_ASSIGN(receipt.count, ParseCount(parts[3], "count"));
  TRY_ASSIGN(receipt.path, ParsePath(parts[4]));
  TRY_ASSIGN(receipt.signature, DecodeBase64Url(parts[5], "signature"));
  if (receipt.signature.size() != kSignatureBytes)
    return Fail(ErrorCode::kDataLoss, "receipt: signature: {} bytes, want {}", receipt.signature.size(),
                kSignatureBytes);
  if (parts.size() == 6) return receipt;
  if (!std::holds_alternative<FinishClaim>(receipt.claim))
    return Fail(ErrorCode::kDataLoss, "receipt: a begin receipt has no secret");
  TRY_ASSIGN(std::string secret, DecodeBase64Url(parts[6], "secret"));
  auto bytes = ToArray<kHashBytes>(secret);
  if (!bytes) return Fail(ErrorCode::kDataLoss, "receipt: secret: {}", bytes.error().message);
  receipt.secret = *bytes;
  return receipt;
}

Result<void> CheckReceipt(const Receipt& receipt, const VerifierKey& key) {
  if (receipt.origin != key.name)
    return Fail(ErrorCode::kDataLoss, "receipt: origin is \"{}\", the key is for \"{}\"", receipt.origin,
                key.name);
  auto root =
      RootOfInclusion(wire::MerkleLeafHash(receipt.body), receipt.position, receipt.count, receipt.path);
  if (!root) return Fail(std::move(root.error()), "receipt");
  std::string text =
      fmt::format("{}/receipts/v1\n{}\n{}\n", receipt.origin, receipt.count, Base64Encode(AsView(*root)));
  if (!wire::Ed25519Verify(key.public_key, text, receipt.signature))
    return Fail(ErrorCode::kDataLoss, "receipt: the signature of {} is bad", key.name);
  return {};
}

Result<void> CheckReceiptEntry(const Receipt& receipt, std::string_view entry) {
  const auto* finish = std::get_if<FinishClaim>(&receipt.claim);
  if (finish == nullptr) return Fail(ErrorCode::kInvalidArgument, "a begin receipt names no entry");
  if (wire::MerkleLeafHash(entry) != finish->leaf_hash)
    return Fail(ErrorCode::kDataLoss, "receipt: its leaf hash is not that of this entry");
  return {};
}

}  // namespace beleg::verify
