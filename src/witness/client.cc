#include "witness/client.h"

#include "verify/cosignature.h"
#include "witness/submission.h"

namespace beleg::witness {
namespace {

constexpr size_t kAnswerBytesMax = 64 << 10;
constexpr size_t kQuotedMax = 200;
constexpr int kTriesMax = 4;  // of one Submit: another submitter may move the witness meanwhile

ErrorCode CodeOf(int status) {
  switch (status) {
    case 400: return ErrorCode::kInvalidArgument;
    case 401: return ErrorCode::kUnauthenticated;
    case 403: return ErrorCode::kPermissionDenied;
    case 404: return ErrorCode::kNotFound;
    case 422: return ErrorCode::kFailedPrecondition;
    case 429: return ErrorCode::kResourceExhausted;
    default: return ErrorCode::kUnavailable;
  }
}

// "1234\n"
Result<uint64_t> ParseSize(std::string_view body) {
  if (body.ends_with('\n')) body.remove_suffix(1);
  auto size = ParseUint64(body);
  if (!size) return Fail(ErrorCode::kDataLoss, "status 409 without a size");
  return size;
}

}  // namespace

Result<WitnessAddress> ParseWitnessAddress(std::string_view text) {
  const size_t equals = text.find('=');
  if (equals == text.npos) return Fail(ErrorCode::kInvalidArgument, "{}: want URL=VKEY", text);
  WitnessAddress out;
  out.url = text.substr(0, equals);
  if (auto url = net::ParseUrl(out.url); !url) return std::unexpected<Error>(url.error());
  TRY_ASSIGN(out.key, verify::ParseVerifierKey(text.substr(equals + 1), verify::KeyType::kCosignatureV1));
  return out;
}

Result<std::unique_ptr<WitnessClient>> WitnessClient::Open(const WitnessAddress& address, std::string token,
                                                           std::chrono::milliseconds timeout) {
  TRY_ASSIGN(net::Url url, net::ParseUrl(address.url));
  net::HttpClient::Options options;
  options.connect_timeout = timeout;
  options.request_timeout = timeout;
  options.response_bytes_max = kAnswerBytesMax;
  TRY_ASSIGN(auto http, net::HttpClient::Open(address.url, options));
  std::string target = url.target + (url.target.ends_with('/') ? "" : "/") + "add-checkpoint";
  return std::unique_ptr<WitnessClient>(
      new WitnessClient(std::move(http), std::move(target), std::move(token), address.key));
}

Result<Cosigned> WitnessClient::Submit(const std::string& note, const verify::Checkpoint& checkpoint,
                                       const MakeProof& make_proof) {
  for (int i = 0; i < kTriesMax; ++i) {
    if (size_ > checkpoint.size)
      return Fail(ErrorCode::kFailedPrecondition, "{} has cosigned {} leaves of this log, which has {}",
                  key_.name, size_, checkpoint.size);
    AddCheckpoint request{size_, {}, note};
    if (size_ > 0) {
      TRY_ASSIGN(request.proof, make_proof(size_));
    }
    net::HttpRequest post{
        "POST", target_, {{"Content-Type", "text/plain; charset=utf-8"}}, FormatAddCheckpoint(request), ""};
    if (!token_.empty()) post.headers.Add("Authorization", "Bearer " + token_);
    auto answer = http_->Send(post);
    // A kept connection that the witness has closed meanwhile looks like this, and the request may be repeated.
    if (!answer && answer.error().code == ErrorCode::kUnavailable) answer = http_->Send(post);
    TRY_ASSIGN(const net::HttpResponse response, std::move(answer));
    if (response.status == 200) {
      TRY_ASSIGN(Cosigned cosigned, Accept(note, response));
      size_ = checkpoint.size;
      return cosigned;
    }
    if (response.status != 409)
      return Fail(CodeOf(response.status), "{}: status {}: {}", key_.name, response.status,
                  response.body.substr(0, kQuotedMax));
    const auto named = ParseSize(response.body);
    // A witness that knows another root of this size need not name it.
    const bool is_conflict = request.old_size == checkpoint.size && (!named || *named == request.old_size);
    if (is_conflict && checkpoint.size > 0)
      return Fail(ErrorCode::kFailedPrecondition, "{} has cosigned another tree of {} leaves", key_.name,
                  checkpoint.size);
    TRY_ASSIGN(size_, named);
  }
  return Fail(ErrorCode::kUnavailable, "{}: its size changed at each of {} tries", key_.name, kTriesMax);
}

// The lines of this witness's key alone are taken over, after they were found good.
Result<Cosigned> WitnessClient::Accept(const std::string& note, const net::HttpResponse& response) const {
  auto whole = verify::ParseNote(note + response.body);
  if (!whole) return Fail(std::move(whole.error()), "answer of {}", key_.name);
  TRY_ASSIGN(int64_t unix_s, verify::CheckCosignature(*whole, key_));
  Cosigned out{"", unix_s};
  for (const verify::NoteSignature& signature : whole->signatures)
    if (signature.name == key_.name && signature.key_id == key_.id)
      out.line = verify::FormatSignature(signature);
  return out;
}

}  // namespace beleg::witness
