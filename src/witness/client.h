// WitnessClient: submits a log's checkpoints to one witness (C2SP tlog-witness).
//
// Shape:   the signed checkpoint goes out with a proof from the size that the witness cosigned last, as far as known; on 409 again with
//          the size that it names. What comes back is checked against the witness's key.
// Errors:  kUnavailable, kDeadlineExceeded, kResourceExhausted (503, 429): later may work · kFailedPrecondition: the witness has seen a
//          larger tree than this checkpoint (then witnessed_size() has it), or another one (422, or 409 though it was sent the size that
//          the witness names) · kDataLoss, kUnauthenticated:
//          its answer is not what its key signs · kNotFound, kPermissionDenied: it does not know the log, or another key of it ·
//          kCancelled · those of make_proof.
// Threads: one at a time; Cancel from any.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/http_client.h"
#include "verify/note.h"

namespace beleg::witness {

// "URL=VKEY"
struct WitnessAddress {
  std::string url;          // the submission prefix
  verify::VerifierKey key;  // of type cosignature/v1
};
Result<WitnessAddress> ParseWitnessAddress(std::string_view text);

struct Cosigned {
  std::string line;  // the signature line with its newline
  int64_t unix_s = 0;
};

class WitnessClient {
 public:
  // token "": none is sent.
  static Result<std::unique_ptr<WitnessClient>> Open(const WitnessAddress& address, std::string token,
                                                     std::chrono::milliseconds timeout);

  // The consistency proof from old_size to the checkpoint that is submitted.
  using MakeProof = std::function<Result<std::vector<Hash32>>(uint64_t old_size)>;
  Result<Cosigned> Submit(const std::string& note, const verify::Checkpoint& checkpoint,
                          const MakeProof& make_proof);
  // The size that the witness cosigned last, as far as this end knows.
  uint64_t witnessed_size() const { return size_; }
  void Cancel() { http_->Cancel(); }

 private:
  WitnessClient(std::unique_ptr<net::HttpClient> http, std::string target, std::string token,
                verify::VerifierKey key)
      : http_(std::move(http)), target_(std::move(target)), token_(std::move(token)), key_(std::move(key)) {}
  Result<Cosigned> Accept(const std::string& note, const net::HttpResponse& response) const;

  const std::unique_ptr<net::HttpClient> http_;
  const std::string target_, token_;
  const verify::VerifierKey key_;
  uint64_t size_ = 0;
};

}  // namespace beleg::witness
