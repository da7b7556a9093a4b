#include "serve/inference.h"

#include "base/log.h"
#include "wire/sse.h"

namespace beleg::serve {
namespace {

// Above this a body is tokenized on the pool: a large prompt must not stop the other streams of its loop.
constexpr size_t kInlineBodyBytesMax = 32 << 10;

ApiError QueueFull() {
  return {429, record::ErrorType::kRateLimited,
          "The server is at its limit of waiting requests; try again soon.", "", "rate_limit_exceeded"};
}

// The engine's "n: …" and "messages[0].content: …" name the field that is wrong.
std::string_view FieldOf(std::string_view message, std::string_view otherwise) {
  std::string_view field = message.substr(0, message.find(": "));
  return field == "n" || field.starts_with("messages[") ? field : otherwise;
}

ApiError FromEngine(const Error& error, std::string_view param) {
  switch (error.code) {
    case ErrorCode::kResourceExhausted: return QueueFull();
    case ErrorCode::kInvalidArgument:
      return InvalidField(std::string(FieldOf(error.message, param)), error.message);
    case ErrorCode::kFailedPrecondition:
      return {400, record::ErrorType::kInvalidRequest, error.message, std::string(param), "unsupported"};
    default:
      return {503, record::ErrorType::kEngine, "The engine does not take requests.", "",
              "engine_unavailable"};
  }
}

ApiError NoSuchModel(std::string_view name) {
  return {404, record::ErrorType::kModelNotFound,
          fmt::format("The model `{}` does not exist.", name.substr(0, 200)), "model", "model_not_found"};
}

ApiError TimedOut() {
  return {504, record::ErrorType::kTimeout, "The request took longer than this server allows.", "",
          "request_timeout"};
}

ApiError EngineFailed() {
  return {500, record::ErrorType::kEngine, "The engine failed.", "", "engine_error"};
}

std::string_view PromptParam(record::Operation operation) {
  return operation == record::Operation::kChat ? "messages" : "prompt";
}

}  // namespace

InferenceRun::InferenceRun(const InferenceContext& context, net::Exchange& exchange,
                           record::Operation operation, std::string caller)
    : context_(context),
      exchange_(exchange),
      caller_(std::move(caller)),
      start_mono_us_(context.clock.MonoMicros()),
      begun_(exchange.executor()),
      tokens_(exchange.executor()),
      deadline_(exchange.executor()) {
  request_.operation = operation;
}

net::Awaitable<void> InferenceRun::Run() {
  if (auto may = context_.trail.MayRun(); !may) {
    co_await ReplyNoRoom(may.error());
    co_return;
  }
  admitted_ = Admit(context_, exchange_.request(), request_.operation, caller_);
  head_ = {request_.operation, admitted_.answer_id, context_.engine.model().name,
           admitted_.start_unix_us / 1'000'000};

  if (auto prepared = co_await Prepare(); !prepared) {
    co_await Refuse(std::move(prepared.error()));
    co_return;
  }
  // Else the engine is not kept waiting for the disk: no byte leaves before the begin is on record, and what ends sooner waits for
  // its begin and its end as one.
  if (context_.trail.waits_for_mirror() && !co_await HasBegun()) co_return;
  exchange_.OnClientGone([this] { generation_->Cancel(); });
  StartDeadline();
  co_await Answer();
}

net::Awaitable<bool> InferenceRun::HasBegun() {
  if (has_begun_) co_return *has_begun_;
  has_begun_ = true;
  Result<ledger::BeginReceipt> begin = co_await begun_.Get();
  if (!begin && context_.trail.mode() == AuditMode::kOpen) {
    unrecorded_ = true;
    context_.trail.CountUnrecorded(admitted_.id, admitted_.start_unix_us, begin.error());
    begin = ledger::BeginReceipt{};
  }
  if (!begin) {
    has_begun_ = false;
    exchange_.OnClientGone({});
    generation_.reset();
    co_await ReplyNoRoom(begin.error());
    co_return false;
  }
  begin_receipt_ = std::move(begin->header);
  if (!begin_receipt_.empty())
    context_.receipts.Begun(context_.trail.IdOf(admitted_.id), caller_, begin_receipt_);
  Result<void> mirrored;
  if (!unrecorded_) mirrored = co_await context_.trail.MirroredBegin(exchange_.executor());
  if (mirrored) co_return true;
  LOG_ERROR("serve.begin_not_mirrored", F("request", head_.id), F("why", mirrored.error().message));
  co_await EndUnmirrored();
  has_begun_ = false;
  co_return false;
}

// The handler may be on its way when the generation, or the run, ends, so it asks first; all are on the loop's thread.
void InferenceRun::StartDeadline() {
  deadline_.expires_after(context_.request_time_max);
  deadline_.async_wait([this, run = std::weak_ptr(alive_)](const boost::system::error_code& cancelled) {
    if (cancelled || run.expired() || !generation_) return;
    timed_out_ = true;
    generation_->Cancel();
  });
}

net::Awaitable<std::expected<void, ApiError>> InferenceRun::Prepare() {
  auto parsed = ParseInferenceRequest(request_.operation, exchange_.request().body);
  if (!parsed) co_return std::unexpected(std::move(parsed.error()));
  request_ = std::move(*parsed);
  if (request_.model != context_.engine.model().name) {
    co_return std::unexpected(NoSuchModel(request_.model));
  }
  auto prompt = co_await PromptTokens();
  if (!prompt) co_return std::unexpected(std::move(prompt.error()));
  int64_t prompt_tokens = static_cast<int64_t>(prompt->size());
  if (auto fits = FitContext(request_, prompt_tokens, context_.engine.model().context_tokens); !fits)
    co_return std::unexpected(std::move(fits.error()));
  if (auto started = StartEngine(std::move(*prompt)); !started)
    co_return std::unexpected(std::move(started.error()));
  context_.trail.Begin(admitted_.id, admitted_.start_unix_us,
                       [deliver = begun_.Setter(), wake = tokens_.Waker(),
                        is_stream = request_.params.stream](Result<ledger::BeginReceipt> begin) {
                         const bool is_awaited =
                             is_stream || !begin;  // a whole answer waits for its end alone
                         deliver(std::move(begin));
                         if (is_awaited) wake();
                       });
  co_return std::expected<void, ApiError>();
}

net::Awaitable<std::expected<std::vector<engine::Token>, ApiError>> InferenceRun::PromptTokens() {
  if (!request_.prompt_tokens.empty()) co_return request_.prompt_tokens;
  if (exchange_.request().body.size() <= kInlineBodyBytesMax) co_return Tokenize();
  OneShot<std::expected<std::vector<engine::Token>, ApiError>> done(exchange_.executor());
  auto deliver = done.Setter();
  if (!context_.pool.Run([this, deliver]() mutable { deliver(Tokenize()); }))
    co_return std::unexpected(QueueFull());
  co_return co_await done.Get();
}

std::expected<std::vector<engine::Token>, ApiError> InferenceRun::Tokenize() const {
  bool chat = request_.operation == record::Operation::kChat;
  Result<std::string> text = request_.prompt;
  if (chat) text = context_.engine.Render(request_.messages);
  if (!text) return std::unexpected(FromEngine(text.error(), "messages"));
  if (auto fits = FitText(request_.operation, text->size(), context_.engine.model()); !fits)
    return std::unexpected(std::move(fits.error()));
  Result<std::vector<engine::Token>> tokens = context_.engine.Tokenize(*text, chat);
  if (!tokens) return std::unexpected(FromEngine(tokens.error(), PromptParam(request_.operation)));
  return std::move(*tokens);
}

std::expected<void, ApiError> InferenceRun::StartEngine(std::vector<engine::Token> prompt) {
  engine::GenerateRequest generate;
  generate.prompt = std::move(prompt);
  generate.max_tokens = request_.params.max_tokens;
  generate.sequences = static_cast<int>(request_.params.choices);
  generate.sampling = SamplingOf(request_);
  generate.stop = request_.stop;
  generate.ignore_eos = request_.ignore_eos;
  choices_.resize(static_cast<size_t>(request_.params.choices));
  auto generation = context_.engine.Start(std::move(generate), tokens_);
  if (!generation) return std::unexpected(FromEngine(generation.error(), PromptParam(request_.operation)));
  generation_ = std::move(*generation);
  return {};
}

net::Awaitable<void> InferenceRun::Refuse(ApiError error) {
  net::HttpResponse response =
      co_await RecordRefusal(context_, exchange_.executor(), admitted_, exchange_.request(), error);
  (void)co_await exchange_.Reply(std::move(response));
}

net::Awaitable<void> InferenceRun::ReplyNoRoom(const Error& why) {
  net::HttpResponse response = RefuseForNoRoom(context_, exchange_.request(), why);
  (void)co_await exchange_.Reply(std::move(response));
}

net::Awaitable<void> InferenceRun::EndUnmirrored() {
  begin_unmirrored_ = true;
  generation_->Cancel();
  for (bool done = false; !done;) {
    TokenStream::Batch batch = co_await tokens_.Next(TokenStream::Until::kDone);
    Take(batch);
    done = batch.done.has_value();
  }
  generation_.reset();
  Result<Receipt> receipt = co_await WriteRecord(503);
  const std::string finish = FinishReceiptFor(context_, admitted_, receipt);
  if (exchange_.client_gone()) co_return;
  net::HttpResponse response = ErrorResponse(Unmirrored());
  AddHeaders(response.headers);
  if (!finish.empty()) response.headers.Add("Audit-Finish", finish);
  (void)co_await exchange_.Reply(std::move(response));
}

net::Awaitable<void> InferenceRun::Answer() {
  ChunkWriter chunks(head_);
  sending_ = request_.params.stream;
  for (bool done = false; !done;) {
    const bool may_send = sending_ && has_begun_.value_or(false);
    TokenStream::Batch batch =
        co_await tokens_.Next(may_send ? TokenStream::Until::kPiece : TokenStream::Until::kDone);
    done = batch.done.has_value();
    if (begun_.is_set() && !co_await HasBegun()) co_return;
    Take(batch);
    if (!sending_ || !has_begun_.value_or(false)) continue;
    sending_ = co_await SendPieces(batch, chunks);
    if (!sending_) generation_->Cancel();
  }
  exchange_.OnClientGone({});
  deadline_.cancel();
  generation_.reset();
  if (request_.params.stream) {
    co_await EndStream(chunks);
  } else {
    co_await EndWhole();
  }
}

net::Awaitable<bool> InferenceRun::SendPieces(const TokenStream::Batch& batch, const ChunkWriter& chunks) {
  std::string out;
  if (!head_sent_) {
    if (!co_await SendHead()) co_return false;
    out = Opening(chunks);
  } else {
    for (const TokenStream::Piece& piece : batch.pieces)
      if (!piece.end && !piece.text.empty()) out += chunks.Text(piece.choice, piece.text);
  }
  if (out.empty()) co_return true;
  co_return static_cast<bool>(co_await exchange_.Write(out));
}

net::Awaitable<bool> InferenceRun::SendHead() {
  net::HttpHeaders headers;
  AddHeaders(headers);
  headers.Set("Content-Type", "text/event-stream; charset=utf-8");
  headers.Set("Cache-Control", "no-cache");
  head_sent_ = static_cast<bool>(co_await exchange_.StartStream(200, std::move(headers)));
  co_return head_sent_;
}

std::string InferenceRun::Opening(const ChunkWriter& chunks) const {
  std::string out;
  for (size_t i = 0; i < choices_.size(); ++i) out += chunks.First(static_cast<int>(i));
  for (size_t i = 0; i < choices_.size(); ++i)
    if (!choices_[i].text.empty()) out += chunks.Text(static_cast<int>(i), choices_[i].text);
  return out;
}

void InferenceRun::Take(const TokenStream::Batch& batch) {
  for (const TokenStream::Piece& piece : batch.pieces) {
    size_t choice = static_cast<size_t>(piece.choice);
    choices_[choice].text += piece.text;
    if (piece.end) choices_[choice].finish_reason = OpenAiFinishReason(piece.end->reason);
  }
  if (batch.done) result_ = *batch.done;
}

net::Awaitable<void> InferenceRun::EndWhole() {
  const std::optional<ApiError> failure = Failure();
  bool gone = exchange_.client_gone();
  Result<Receipt> receipt = co_await WriteRecord(gone ? 499 : failure ? failure->status : 200);
  if (!co_await HasBegun()) co_return;
  const std::string finish = FinishReceiptFor(context_, admitted_, receipt);
  if (gone) co_return;
  if (!receipt) {
    co_await ReplyNoRoom(receipt.error());
    co_return;
  }
  bool mirrored = co_await IsMirrored(*receipt);
  net::HttpResponse response;
  if (failure) {
    response = ErrorResponse(*failure);
  } else if (!mirrored) {
    response = ErrorResponse(Unmirrored());
  } else {
    response = net::MakeResponse(200, "application/json", WholeAnswer(head_, choices_, UsageOf()));
  }
  AddHeaders(response.headers);
  if (!finish.empty()) response.headers.Add("Audit-Finish", finish);
  (void)co_await exchange_.Reply(std::move(response));
}

// The finish chunks, usage, receipt and [DONE] go out in one write, after the record is durable.
net::Awaitable<void> InferenceRun::EndStream(const ChunkWriter& chunks) {
  const bool never_began = !head_sent_ && (exchange_.client_gone() || !sending_);
  Result<Receipt> receipt = co_await WriteRecord(never_began ? 499 : 200);
  if (!co_await HasBegun()) co_return;
  const std::string finish = FinishReceiptFor(context_, admitted_, receipt);
  if (exchange_.client_gone() || never_began) co_return;
  std::string out;
  if (!head_sent_) {
    if (!receipt) {
      co_await ReplyNoRoom(receipt.error());
      co_return;
    }
    if (!co_await SendHead()) co_return;
    out = Opening(chunks);
  }
  bool mirrored = false;
  if (receipt) mirrored = co_await IsMirrored(*receipt);
  const std::optional<ApiError> failure = Failure();
  if (!receipt || failure) {
    out += wire::SseData(ErrorBody(receipt ? *failure : NoRoom()));
  } else if (!mirrored) {
    out += wire::SseData(ErrorBody(Unmirrored()));
  } else {
    for (size_t i = 0; i < choices_.size(); ++i)
      out += chunks.Finish(static_cast<int>(i), choices_[i].finish_reason);
    if (request_.include_usage) out += chunks.UsageChunk(UsageOf());
  }
  if (!finish.empty()) out += wire::SseComment("audit-finish " + finish);
  out += kStreamEnd;
  if (co_await exchange_.Write(out)) (void)co_await exchange_.EndStream();
}

std::optional<ApiError> InferenceRun::Failure() const {
  if (begin_unmirrored_) return Unmirrored();
  if (!result_.error.empty()) return EngineFailed();
  if (timed_out_ && !exchange_.client_gone()) return TimedOut();
  return std::nullopt;
}

net::Awaitable<Result<ledger::FinishReceipt>> InferenceRun::WriteRecord(int64_t status) {
  record::Request record = MakeRecord(status);
  Result<Receipt> receipt;
  if (!unrecorded_) receipt = co_await context_.trail.Finish(exchange_.executor(), record);
  if (!co_await HasBegun()) co_return receipt;  // not a request, then: nothing to count
  context_.metrics.CountRequest(record);
  context_.metrics.CountHttp(exchange_.request().path(), "POST", static_cast<int>(status));
  if (unrecorded_) co_return Receipt{};
  if (!receipt)
    LOG_ERROR("serve.record_not_written", F("request", head_.id), F("why", receipt.error().message));
  co_return receipt;
}

// What the record says is so whether or not the mirror confirms it; the client gets the end of its answer only if it does.
net::Awaitable<bool> InferenceRun::IsMirrored(const Receipt& receipt) {
  Result<void> mirrored = co_await context_.trail.MirroredLeaf(exchange_.executor(), receipt.index);
  if (!mirrored)
    LOG_ERROR("serve.end_not_mirrored", F("request", head_.id), F("why", mirrored.error().message));
  co_return mirrored.has_value();
}

record::Request InferenceRun::MakeRecord(int64_t status) const {
  record::Request record;
  record.id = admitted_.id;
  record.model = context_.engine.model().name;
  record.model_index = context_.trail.model_index();
  record.params = request_.params;
  record.status = status;
  record.input_tokens = result_.prompt_tokens;
  record.cached_tokens = result_.cached_tokens;
  for (const engine::SequenceResult& end : result_.sequences) {
    record.output_tokens += end.output_tokens;
    record.finish_reasons.emplace_back(OpenAiFinishReason(end.reason));
  }
  bool cancelled = exchange_.client_gone();
  for (const engine::SequenceResult& end : result_.sequences)
    cancelled |= end.reason == engine::FinishReason::kCancelled;
  if (const std::optional<ApiError> failure = Failure()) {
    record.outcome = record::Outcome::kFailed;
    record.error = failure->error;
  } else if (cancelled) {
    record.outcome = record::Outcome::kCancelled;
    record.error = record::ErrorType::kClientGone;
  }
  record.start_us = admitted_.start_unix_us;
  record.duration_us = DurationMicros();
  record.queue_us = result_.queue_us;
  record.prefill_us = result_.prefill_us;
  record.decode_us = result_.decode_us;
  if (context_.trail.mode() != AuditMode::kOff) record.commitment = Commit();
  return record;
}

record::Commitment InferenceRun::Commit() const {
  record::CommitmentTree tree(admitted_.secret);
  for (size_t i = 0; i < request_.messages.size(); ++i) {
    tree.Add(fmt::format("input/{}/role", i), request_.messages[i].role);
    tree.Add(fmt::format("input/{}/content", i), request_.messages[i].content);
  }
  if (request_.operation == record::Operation::kTextCompletion) {
    std::string tokens;
    for (engine::Token token : request_.prompt_tokens) PutBig32(tokens, static_cast<uint32_t>(token));
    tree.Add(tokens.empty() ? "input/0/text" : "input/0/tokens", tokens.empty() ? request_.prompt : tokens);
  }
  for (size_t i = 0; i < choices_.size(); ++i) tree.Add(fmt::format("output/{}", i), choices_[i].text);
  tree.Add("client/model", request_.model);
  if (!request_.user.empty()) tree.Add("client/user", request_.user);
  if (auto name = exchange_.request().headers.Get("x-request-id")) tree.Add("client/x-request-id", *name);
  return tree.Root();
}

Usage InferenceRun::UsageOf() const {
  Usage usage{result_.prompt_tokens, 0, result_.cached_tokens};
  for (const engine::SequenceResult& end : result_.sequences) usage.output_tokens += end.output_tokens;
  return usage;
}

void InferenceRun::AddHeaders(net::HttpHeaders& headers) const {
  AddRequestHeaders(context_, admitted_, headers);
  if (!begin_receipt_.empty()) headers.Add("Audit-Begin", begin_receipt_);
  if (unrecorded_) headers.Add("Audit-Record", "none");
}

}  // namespace beleg::serve
