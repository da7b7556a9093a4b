#include "audit/check.h"

#include <algorithm>
#include <thread>

#include "audit/log_keys.h"
#include "record/request_id.h"
#include "verify/receipt.h"

namespace beleg::audit {
namespace {

constexpr std::chrono::milliseconds kPollInterval{100};
constexpr std::chrono::milliseconds kStoreTimeout{10'000};
constexpr std::string_view kResponseId = "gen_ai.response.id";
constexpr std::string_view kLeafIndex = "audit.log.index";
constexpr std::string_view kLeafHash = "audit.leaf_hash";

// One run of the command. Each step adds findings; a step that cannot look ends the run.
class Run {
 public:
  explicit Run(const CheckOptions& options)
      : options_(options), clock_(options.clock != nullptr ? *options.clock : system_clock_) {}

  CheckReport Go() {
    auto done = Steps();
    if (!done) {
      report_.verdict = CheckVerdict::kUnreachable;
      report_.findings.push_back(done.error().message);
    } else if (!report_.findings.empty()) {
      report_.verdict = CheckVerdict::kMissing;
    }
    return std::move(report_);
  }

 private:
  Result<void> Steps() {
    TRY_ASSIGN(auto store, WebClient::Open(options_.store_url, options_.store_api_key, kStoreTimeout));
    TRY_ASSIGN(report_.completion, SendCompletion(options_.completion));
    deadline_us_ = clock_.MonoMicros() + options_.find_timeout / std::chrono::microseconds(1);
    TRY(FindSpans(*store));
    for (const SpanCheck& check : report_.spans) CompareSpan(check);
    if (options_.want_record) TRY(FindRecord(*store));
    if (report_.record) {
      CompareRecord(*report_.record);
      CheckReceipts(*report_.record);
    }
    if (options_.strict) CountOthers();
    return {};
  }

  // False when the time to find something is over; waits a little else.
  bool MayTryAgain() {
    if (clock_.MonoMicros() >= deadline_us_) return false;
    std::this_thread::sleep_for(kPollInterval);
    return true;
  }

  template <class... Args>
  void Find(fmt::format_string<Args...> format, Args&&... args) {
    report_.findings.push_back(fmt::format(format, std::forward<Args>(args)...));
  }

  Result<void> FindSpans(WebClient& store);
  SpanCheck CheckSpan(StoredSpan span) const;
  void CompareSpan(const SpanCheck& check);
  Result<void> FindRecord(WebClient& store);
  void CompareRecord(const StoredRecord& stored);
  void CheckReceipts(const StoredRecord& stored);
  void CountOthers();

  const CheckOptions& options_;
  SystemClock system_clock_;
  const Clock& clock_;
  int64_t deadline_us_ = 0;
  CheckReport report_;
};

std::string JsonArrayOf(const std::vector<std::string>& texts) {
  wire::Json array = wire::Json::MakeArray();
  for (const std::string& text : texts) array.Append(text);
  return array.Dump();
}

Result<void> Run::FindSpans(WebClient& store) {
  const std::string& id = report_.completion->id;
  do {
    int64_t now_ms = clock_.UnixMicros() / 1000;
    int64_t lookback_ms = options_.lookback / std::chrono::milliseconds(1);
    TRY_ASSIGN(auto spans,
               FetchSpans(store, {options_.service, now_ms - lookback_ms, now_ms, options_.span_limit}));
    report_.others.clear();
    for (StoredSpan& span : spans) {
      if (!span.server) continue;
      bool ours = span.Text(kResponseId) == id;
      (ours ? report_.spans : report_.others).push_back(CheckSpan(std::move(span)));
    }
    if (!report_.spans.empty()) return {};
  } while (MayTryAgain());
  Find("no span of service \"{}\" with {} = {} within {} ms", options_.service, kResponseId, id,
       options_.find_timeout.count());
  return {};
}

SpanCheck Run::CheckSpan(StoredSpan span) const {
  SpanCheck check;
  for (const std::string& key : options_.required) {
    bool present = span.attributes.Find(key) != nullptr;
    check.attributes.push_back({key, present, span.Text(key)});
    check.complete = check.complete && present;
  }
  check.span = std::move(span);
  return check;
}

// Attributes that are there must say what the answer said.
void Run::CompareSpan(const SpanCheck& check) {
  for (const AttributeCheck& attribute : check.attributes)
    if (!attribute.present) Find("span {}: {} is missing", check.span.span_id, attribute.key);
  const Completion& completion = *report_.completion;
  const std::pair<std::string_view, std::string> expected[] = {
      {"gen_ai.model.id", completion.model},
      {"gen_ai.usage.prompt_tokens", std::to_string(completion.prompt_tokens)},
      {"gen_ai.usage.completion_tokens", std::to_string(completion.completion_tokens)},
      {"gen_ai.response.finish_reasons", JsonArrayOf(completion.finish_reasons)}};
  for (const auto& [key, want] : expected)
    if (check.span.attributes.Find(key) != nullptr && check.span.Text(key) != want)
      Find("span {}: {} is {}, the answer said {}", check.span.span_id, key, check.span.Text(key), want);
}

Result<void> Run::FindRecord(WebClient& store) {
  const std::string& id = report_.completion->id;
  while (true) {
    auto stored = FetchRecord(store, id, options_.vkey);
    if (stored) {
      report_.record = std::move(*stored);
      return {};
    }
    const Error& error = stored.error();
    if (error.code == ErrorCode::kDataLoss || error.code == ErrorCode::kUnauthenticated) {
      // The store answered, and what it says does not hold; or it wants a key that we lack.
      if (error.code == ErrorCode::kUnauthenticated) return std::unexpected(error);
      Find("{}", error.message);
      return {};
    }
    if (error.code != ErrorCode::kNotFound) return std::unexpected(error);
    if (!MayTryAgain()) {
      Find("no record of {} within {} ms", id, options_.find_timeout.count());
      return {};
    }
  }
}

void Run::CompareRecord(const StoredRecord& stored) {
  const Completion& completion = *report_.completion;
  auto differ = [&](std::string_view what, const auto& in_record, const auto& in_answer) {
    if (in_record != in_answer)
      Find("record {}: {} is {}, the answer said {}", stored.index, what, in_record, in_answer);
  };
  if (std::string id = ResponseIdOf(stored.record); id != completion.id)
    return Find("record {}: it is of request \"{}\", not of {}", stored.index, id, completion.id);
  const auto* request = std::get_if<record::Request>(&stored.record.body);
  if (request == nullptr)
    return Find("record {}: type {}, want request", stored.index, record::TypeName(stored.record.body));
  differ("outcome", record::Name(request->outcome), record::Name(record::Outcome::kOk));
  differ("model", request->model, completion.model);
  differ("input_tokens", request->input_tokens, completion.prompt_tokens);
  differ("output_tokens", request->output_tokens, completion.completion_tokens);
  differ("finish_reasons", JsonArrayOf(request->finish_reasons), JsonArrayOf(completion.finish_reasons));
  for (const SpanCheck& check : report_.spans) {
    std::string index = check.span.Text(kLeafIndex), hash = check.span.Text(kLeafHash);
    if (!index.empty() && index != std::to_string(stored.index))
      Find("span {}: {} is {}, the record is leaf {}", check.span.span_id, kLeafIndex, index, stored.index);
    if (!hash.empty() && hash != stored.leaf_hash)
      Find("span {}: {} is {}, the record's is {}", check.span.span_id, kLeafHash, hash, stored.leaf_hash);
  }
}

// The receipts of the answer must be signed by the record's log and speak of this record.
Result<void> CheckReceiptOf(const std::string& text, const StoredRecord& stored,
                            const std::string& response_id) {
  TRY_ASSIGN(verify::Receipt receipt, verify::ParseReceipt(text));
  TRY_ASSIGN(const verify::LogKey signer, stored.policy.SignerOf(receipt));
  if (!signer.CountsFor(receipt))
    return Fail(ErrorCode::kDataLoss, "receipt{}", SignerText(stored.policy, signer, false));
  std::optional<RequestId> id;
  if (const auto* finish = std::get_if<verify::FinishClaim>(&receipt.claim)) {
    TRY(verify::CheckReceiptEntry(receipt, stored.entry));
    if (finish->index != stored.index)
      return Fail(ErrorCode::kDataLoss, "receipt: of leaf {}, the record is leaf {}", finish->index,
                  stored.index);
    id = finish->request_id;
  } else {
    id = std::get<verify::BeginClaim>(receipt.claim).request_id;
  }
  auto want = record::ParseRequestId(response_id);
  if (!want || id != *want)
    return Fail(ErrorCode::kDataLoss, "receipt: of another request than {}", response_id);
  return {};
}

void Run::CheckReceipts(const StoredRecord& stored) {
  const Completion& completion = *report_.completion;
  auto check = [&](std::string name, const std::string& text) {
    if (text.empty()) return;
    auto checked = CheckReceiptOf(text, stored, completion.id);
    if (!checked) return Find("{} {}", name, checked.error().message);
    report_.receipts.push_back(std::move(name));
  };
  check("begin", completion.begin_receipt);
  check("finish", completion.finish_receipt);
}

void Run::CountOthers() {
  for (const SpanCheck& check : report_.others)
    for (const AttributeCheck& attribute : check.attributes)
      if (!attribute.present) Find("other span {}: {} is missing", check.span.span_id, attribute.key);
}

}  // namespace

CheckReport Check(const CheckOptions& options) { return Run(options).Go(); }

}  // namespace beleg::audit
