#include "audit/check.h"
#include "audit/report_text.h"

namespace beleg::audit {
namespace {

constexpr size_t kIncompleteShown = 10;

std::string Response(const Completion& completion) {
  wire::Json shown = wire::Json::MakeObject({{"id", completion.id},
                                             {"model", completion.model},
                                             {"prompt_tokens", completion.prompt_tokens},
                                             {"completion_tokens", completion.completion_tokens},
                                             {"finish_reason", completion.finish_reasons[0]}});
  // Quoted, so that what a model says cannot steer the terminal.
  return "Response received: " + PrettyJson(shown, 2) + "\nAnswer: " + wire::Json(completion.text).Dump() +
         "\n";
}

std::string Span(const SpanCheck& check) {
  std::string out = fmt::format("Span {} ({}), trace {}:\n", OneLine(check.span.span_id),
                                OneLine(check.span.name), OneLine(check.span.trace_id));
  for (const AttributeCheck& attribute : check.attributes)
    out += attribute.present ? fmt::format("  PASS     {} = {}\n", attribute.key, OneLine(attribute.value))
                             : fmt::format("  MISSING  {}\n", attribute.key);
  return out;
}

std::string Record(const StoredRecord& stored) {
  return fmt::format(
      "Record: leaf {} of {}, SHA-256 {}\n"
      "  {}\n"
      "  proved under the signed checkpoint of size {}, key {}{}\n",
      stored.index, stored.checkpoint.origin, stored.leaf_hash, stored.entry, stored.checkpoint.size,
      stored.vkey, stored.key_pinned ? "" : "\n  (the key is the store's own word: pin it with --vkey)");
}

std::string Coverage(const CheckOptions& options, const std::vector<SpanCheck>& others) {
  size_t complete = 0, shown = 0;
  std::string lines;
  for (const SpanCheck& check : others) {
    complete += check.complete;
    if (check.complete || shown == kIncompleteShown) continue;
    ++shown;
    lines += fmt::format("  {} ({}):", OneLine(check.span.span_id), OneLine(check.span.name));
    for (const AttributeCheck& attribute : check.attributes)
      if (!attribute.present) lines += " " + attribute.key;
    lines += " missing\n";
  }
  return fmt::format("Other server spans of the last {} minutes: {}, with all required attributes: {}\n{}",
                     options.lookback.count(), others.size(), complete, lines);
}

}  // namespace

std::string RenderText(const CheckOptions& options, const CheckReport& report) {
  std::string out = fmt::format("Sending test completion to {} ...\n", options.completion.base_url);
  if (report.completion) {
    out += Response(*report.completion);
    out += fmt::format("\nQuerying {} for audit spans ...\n", options.store_url);
    out += fmt::format("Found {} server span{} of this request\n", report.spans.size(),
                       report.spans.size() == 1 ? "" : "s");
    for (const SpanCheck& check : report.spans) out += Span(check);
    if (report.record) out += Record(*report.record);
    for (const std::string& receipt : report.receipts)
      out += fmt::format("  {} receipt of the answer: good\n", receipt);
    out += Coverage(options, report.others);
  }
  if (report.verdict == CheckVerdict::kOk)
    return out + fmt::format("\nAll required audit attributes confirmed in {}.\n", options.store_url);
  out += report.verdict == CheckVerdict::kMissing ? "\nFAILED:\n" : "\nCOULD NOT BE CHECKED:\n";
  for (const std::string& finding : report.findings) out += "  " + OneLine(finding) + "\n";
  return out;
}

}  // namespace beleg::audit
