#include "witness/submission.h"

#include <algorithm>

#include "verify/proof.h"
#include "wire/sha256.h"

namespace beleg::witness {
namespace {

constexpr std::string_view kOldPrefix = "old ";

std::unexpected<Refusal> Refuse(int status, std::string message) {
  return std::unexpected<Refusal>({status, std::move(message), false});
}

Result<uint64_t> ParseOldSize(std::string_view line) {
  const auto bad = [&] {
    return Fail(ErrorCode::kInvalidArgument, "line 1: \"{}\", want \"old \" and a size", line.substr(0, 40));
  };
  if (!line.starts_with(kOldPrefix)) return bad();
  line.remove_prefix(kOldPrefix.size());
  auto size = ParseUint64(line);
  if (!size || *size > INT64_MAX || (line.size() > 1 && line[0] == '0')) return bad();
  return size;
}

bool IsSignedBy(const verify::NoteSignature& signature, const verify::VerifierKey& key) {
  return signature.name == key.name && signature.key_id == key.id;
}

// 403 as the specification has it: none of the trusted keys, or a bad signature of one of them.
std::expected<void, Refusal> CheckSignatures(std::string_view note,
                                             const std::vector<verify::VerifierKey>& keys) {
  bool signed_by_any = false;
  for (const verify::VerifierKey& key : keys) {
    auto opened = verify::OpenNote(note, key);
    if (!opened && opened.error().code != ErrorCode::kUnauthenticated)
      return Refuse(403, std::move(opened.error().message));
    signed_by_any |= opened.has_value();
  }
  if (!signed_by_any) return Refuse(403, "no signature of a known key of this log");
  return {};
}

}  // namespace

Result<AddCheckpoint> ParseAddCheckpoint(std::string_view body) {
  const size_t split = body.find("\n\n");
  if (split == body.npos)
    return Fail(ErrorCode::kInvalidArgument, "no empty line between proof and checkpoint");
  std::string_view head = body.substr(0, split + 1);
  AddCheckpoint request;
  request.note = body.substr(split + 2);
  for (size_t number = 1; !head.empty(); ++number) {
    const std::string_view line = head.substr(0, head.find('\n'));
    head.remove_prefix(line.size() + 1);
    if (number == 1) {
      TRY_ASSIGN(request.old_size, ParseOldSize(line));
      continue;
    }
    if (number - 1 > kProofHashesMax)
      return Fail(ErrorCode::kInvalidArgument, "line {}: more than {} hashes", number, kProofHashesMax);
    auto bytes = Base64Decode(line);
    if (!bytes || bytes->size() != 32)
      return Fail(ErrorCode::kInvalidArgument, "line {}: no hash in base64", number);
    request.proof.push_back(*ToArray<32>(*bytes));
  }
  return request;
}

std::string FormatAddCheckpoint(const AddCheckpoint& request) {
  std::string out = fmt::format("{}{}\n", kOldPrefix, request.old_size);
  for (const Hash32& hash : request.proof) out += Base64Encode(AsView(hash)) + "\n";
  return out + "\n" + request.note;
}

std::expected<Submission, Refusal> ReadSubmission(std::string_view body, const KeysOf& keys_of) {
  if (body.size() > kRequestBytesMax) return Refuse(413, fmt::format("more than {} bytes", kRequestBytesMax));
  auto request = ParseAddCheckpoint(body);
  if (!request) return Refuse(400, std::move(request.error().message));
  auto note = verify::ParseNote(request->note);
  if (!note) return Refuse(400, std::move(note.error().message));
  auto checkpoint = verify::ParseCheckpoint(note->text);
  if (!checkpoint) return Refuse(400, std::move(checkpoint.error().message));
  if (checkpoint->size > INT64_MAX) return Refuse(400, "checkpoint: line 2: a size of 2^63 or more");
  const std::vector<verify::VerifierKey>* keys = keys_of(checkpoint->origin);
  if (keys == nullptr) return Refuse(404, "this log is not known here");
  if (auto good = CheckSignatures(request->note, *keys); !good) return std::unexpected(good.error());
  return Submission{std::move(*request), std::move(*note), std::move(*checkpoint)};
}

std::optional<Refusal> CheckContinues(const Submission& submission, const verify::Checkpoint& known) {
  const AddCheckpoint& request = submission.request;
  const verify::Checkpoint& next = submission.checkpoint;
  if (request.old_size > next.size)
    return Refusal{400, fmt::format("the old size {} is larger than the checkpoint's", request.old_size)};
  if (request.old_size != known.size)
    return Refusal{409, fmt::format("the known size is {}, not {}", known.size, request.old_size)};
  // Without this a first checkpoint of no leaves could have any root, and no later proof would show it.
  if (next.size == 0 && next.root != wire::Sha256(""))
    return Refusal{422, "size 0 with a root that is not the empty tree's", true};
  if (next.size == known.size && next.root != known.root)
    return Refusal{409, fmt::format("another root of the known size {}", known.size), true};
  auto continues = verify::CheckConsistency(known.size, known.root, next.size, next.root, request.proof);
  if (!continues) return Refusal{422, std::move(continues.error().message), true};
  return std::nullopt;
}

net::HttpResponse RefusalAnswer(const Refusal& refusal, uint64_t known_size) {
  if (refusal.status == 409)
    return net::MakeResponse(409, "text/x.tlog.size", fmt::format("{}\n", known_size));
  return net::MakeResponse(refusal.status, "text/plain; charset=utf-8", refusal.message + "\n");
}

std::string CosignedNote(const verify::Note& note, const std::vector<verify::VerifierKey>& log_keys,
                         std::string_view cosignature) {
  std::string out = note.text + "\n";
  for (const verify::NoteSignature& signature : note.signatures) {
    const bool of_log = std::ranges::any_of(
        log_keys, [&](const verify::VerifierKey& key) { return IsSignedBy(signature, key); });
    if (of_log) out += verify::FormatSignature(signature);
  }
  return out + std::string(cosignature);
}

std::string OriginHash(std::string_view origin) { return HexEncode(AsView(wire::Sha256(origin))); }

}  // namespace beleg::witness
