// One inference request from its body to its record: W1 of src/README.md, in the order in which it happens.
//
//   parse → identity → engine and begin frame (side by side) → begin durable → first byte → … → record durable → last byte
//   a whole answer: … → begin and record durable → first byte
//
// What a client can see is always behind what is durable: no byte before the begin, no end before the record.
#pragma once

#include <string>

#include <boost/asio/steady_timer.hpp>

#include "engine/engine.h"
#include "net/http_server.h"
#include "serve/admission.h"
#include "serve/openai/answer.h"
#include "serve/openai/inference_request.h"
#include "serve/token_stream.h"

namespace beleg::serve {

class InferenceRun {
 public:
  InferenceRun(const InferenceContext& context, net::Exchange& exchange, record::Operation operation,
               std::string caller);

  // Answers the exchange. The run lives until it returns.
  net::Awaitable<void> Run();

 private:
  using Receipt = ledger::FinishReceipt;

  // Until the engine runs. An error is refused, and that is a record.
  net::Awaitable<std::expected<void, ApiError>> Prepare();
  net::Awaitable<std::expected<std::vector<engine::Token>, ApiError>> PromptTokens();
  std::expected<std::vector<engine::Token>, ApiError> Tokenize() const;
  std::expected<void, ApiError> StartEngine(std::vector<engine::Token> prompt);
  net::Awaitable<void> Refuse(ApiError error);
  net::Awaitable<void> ReplyNoRoom(const Error& why);
  // Waits until the begin is on record; the same at once after the first time. False: it is not to be, and the client has been told.
  net::Awaitable<bool> HasBegun();
  // The begin is on record here and not at the mirror: the request ends before its first byte.
  net::Awaitable<void> EndUnmirrored();

  // While it runs.
  net::Awaitable<void> Answer();
  // The batch or, before anything was sent, the head and all that there is. False: the client takes no more.
  net::Awaitable<bool> SendPieces(const TokenStream::Batch& batch, const ChunkWriter& chunks);
  net::Awaitable<bool> SendHead();
  // The first chunk of each choice, and its text so far.
  std::string Opening(const ChunkWriter& chunks) const;
  void Take(const TokenStream::Batch& batch);

  // Once it ended.
  net::Awaitable<void> EndWhole();
  net::Awaitable<void> EndStream(const ChunkWriter& chunks);
  // Why the answer is none; nullopt: it is whole, or the client has gone.
  std::optional<ApiError> Failure() const;
  // Counts the request as well, if it has begun.
  net::Awaitable<Result<Receipt>> WriteRecord(int64_t status);
  net::Awaitable<bool> IsMirrored(const Receipt& receipt);
  record::Request MakeRecord(int64_t status) const;
  record::Commitment Commit() const;
  Usage UsageOf() const;

  void AddHeaders(net::HttpHeaders& headers) const;
  int64_t DurationMicros() const { return context_.clock.MonoMicros() - start_mono_us_; }

  // Ends the generation when the request has run for as long as its begin receipt allows.
  void StartDeadline();

  const InferenceContext& context_;
  net::Exchange& exchange_;
  const std::string caller_;
  const int64_t start_mono_us_;
  InferenceRequest request_;
  Admitted admitted_;
  AnswerHead head_;
  OneShot<Result<ledger::BeginReceipt>> begun_;
  std::optional<bool> has_begun_;
  std::string begin_receipt_;
  bool unrecorded_ = false;  // audit mode open, and the ledger took no begin

  TokenStream tokens_;  // before generation_, which calls it
  std::unique_ptr<engine::Generation> generation_;
  std::vector<Choice> choices_;
  engine::GenerateResult result_;
  bool sending_ = false;  // a stream, and its client takes what is sent
  bool head_sent_ = false;
  bool begin_unmirrored_ = false;
  const std::shared_ptr<const bool> alive_ = std::make_shared<bool>(true);  // for the deadline's handler
  boost::asio::steady_timer deadline_;
  bool timed_out_ = false;
};

}  // namespace beleg::serve
