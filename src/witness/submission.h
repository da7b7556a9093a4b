// The request of C2SP tlog-witness and how it is judged: what a witness and a mirror have in common.
//
// Source:  C2SP tlog-witness, "add-checkpoint"; docs/formats/witness.md.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "verify/note.h"

namespace beleg::witness {

constexpr size_t kRequestBytesMax = 64 << 10;
constexpr size_t kProofHashesMax = 63;

// The body: "old N", proof, checkpoint.
struct AddCheckpoint {
  uint64_t old_size = 0;
  std::vector<Hash32> proof;
  std::string note;  // the signed checkpoint
};
// kInvalidArgument names the line. Sizes are below 2^63.
Result<AddCheckpoint> ParseAddCheckpoint(std::string_view body);
std::string FormatAddCheckpoint(const AddCheckpoint& request);

// A request whose checkpoint bears a good signature of its log.
struct Submission {
  AddCheckpoint request;
  verify::Note note;
  verify::Checkpoint checkpoint;
};
// Why it is not cosigned.
struct Refusal {
  int status;
  std::string message;
  bool is_evidence =
      false;  // the log signed it and it does not continue what is known: a rewrite, or a wrong proof
};

// The keys of a log by its origin; nullptr: not known here.
using KeysOf = std::function<const std::vector<verify::VerifierKey>*(const std::string& origin)>;

// Reads the body and checks the signature: 400, 404 or 403 else.
std::expected<Submission, Refusal> ReadSubmission(std::string_view body, const KeysOf& keys_of);

// Whether it continues the tree that is known (size 0 and the empty root before the first). Else 400, 409 (another old size, or the known
// size with another root: evidence) or 422 (evidence).
std::optional<Refusal> CheckContinues(const Submission& submission, const verify::Checkpoint& known);

// As HTTP; 409 gives the known size.
net::HttpResponse RefusalAnswer(const Refusal& refusal, uint64_t known_size);

// The log's signatures and the cosignature, as note: what a witness keeps and serves.
std::string CosignedNote(const verify::Note& note, const std::vector<verify::VerifierKey>& log_keys,
                         std::string_view cosignature);

// The folder's name and the path of a log: lower-case hex of SHA-256 of its origin.
std::string OriginHash(std::string_view origin);

}  // namespace beleg::witness
