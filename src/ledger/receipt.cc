#include "ledger/receipt.h"

#include <iterator>

#include "base/check.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

// RFC 4648 §5 without padding: every byte of it may stand in a header.
void AppendBase64Url(std::string& out, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  uint32_t bits = 0;
  int bit_count = 0;
  for (char byte : bytes) {
    bits = bits << 8 | static_cast<uint8_t>(byte);
    bit_count += 8;
    for (; bit_count >= 6; bit_count -= 6) out += kDigits[bits >> (bit_count - 6) & 63];
  }
  if (bit_count > 0) out += kDigits[bits << (6 - bit_count) & 63];
}

using Levels = std::vector<std::vector<Hash32>>;

// All nodes of the group's tree, leaves first. An odd last node goes up as it is, which gives RFC 6962's tree.
Levels TreeOf(const std::vector<std::string>& bodies) {
  Levels levels(1);
  for (const std::string& body : bodies) levels[0].push_back(wire::MerkleLeafHash(body));
  while (levels.back().size() > 1) {
    const std::vector<Hash32>& below = levels.back();
    std::vector<Hash32> above;
    for (size_t i = 0; i + 1 < below.size(); i += 2)
      above.push_back(wire::MerkleNodeHash(below[i], below[i + 1]));
    if (below.size() % 2 == 1) above.push_back(below.back());
    levels.push_back(std::move(above));
  }
  return levels;
}

std::string PathOf(const Levels& levels, size_t position) {
  std::string path;
  for (const std::vector<Hash32>& level : levels) {
    if (const size_t sibling = position ^ 1; sibling < level.size()) path += AsView(level[sibling]);
    position /= 2;
  }
  return path;
}

}  // namespace

// Both are canonical JSON (RFC 8785): members in order of name. No value needs an escape: hex, and an origin without quotes.
std::string EncodeReceiptBody(const BeginReceiptBody& body) {
  return fmt::format(
      R"({{"boot":"{}","origin":"{}","request_id":"{}","resolved_by_us":{},"seq":{},"time_us":{},"trace_id":"{}","type":"begin"}})",
      body.boot.Hex(), body.origin, body.request_id.Hex(), body.resolved_by_us, body.seq, body.time_us,
      body.trace_id.Hex());
}

std::string EncodeReceiptBody(const FinishReceiptBody& body) {
  const std::string request =
      body.request_id ? fmt::format(R"("request_id":"{}",)", body.request_id->Hex()) : "";
  return fmt::format(R"({{"index":{},"leaf_hash":"{}","origin":"{}",{}"type":"finish"}})", body.index,
                     HexEncode(AsView(body.leaf_hash)), body.origin, request);
}

std::vector<std::string> SignReceipts(NoteSigner& signer, const std::vector<std::string>& bodies) {
  CHECK(!bodies.empty(), "a group has a receipt");
  const Levels levels = TreeOf(bodies);
  const std::string text = fmt::format("{}/receipts/v1\n{}\n{}\n", signer.name(), bodies.size(),
                                       Base64Encode(AsView(levels.back()[0])));
  std::string signature;
  AppendBase64Url(signature, AsView(signer.Sign(text)));
  std::vector<std::string> receipts(bodies.size());
  for (size_t i = 0; i < bodies.size(); ++i) {
    const std::string path = PathOf(levels, i);
    std::string& receipt = receipts[i] = "v1.";
    receipt.reserve(64 + signature.size() + (bodies[i].size() + path.size()) * 4 / 3);
    AppendBase64Url(receipt, bodies[i]);
    fmt::format_to(std::back_inserter(receipt), ".{}.{}.", i, bodies.size());
    AppendBase64Url(receipt, path);
    receipt += "." + signature;
  }
  return receipts;
}

std::string AppendSecret(std::string_view receipt, const Hash32& secret) {
  std::string with_secret = fmt::format("{}.", receipt);
  AppendBase64Url(with_secret, AsView(secret));
  return with_secret;
}

}  // namespace beleg::ledger
