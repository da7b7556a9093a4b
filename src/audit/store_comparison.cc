#include "audit/store_comparison.h"

#include <algorithm>
#include <unordered_map>

#include "audit/report_text.h"

namespace beleg::audit {
namespace {

constexpr uint64_t kWindowLeaves = 20'000;
constexpr size_t kWindowBytes = 32 << 20;
constexpr size_t kRowsMax = 100'000;
constexpr size_t kNamedMax = 5;
constexpr size_t kStrangersMax = 100;

std::string Quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

// The whole number in a cell; kDataLoss else.
Result<uint64_t> NumberIn(const wire::Json& row, size_t column) {
  if (!row.is_array() || column >= row.as_array().size() || !row.as_array()[column].is_int() ||
      row.as_array()[column].as_int() < 0)
    return Fail(ErrorCode::kDataLoss, "the store's answer has no number in column {}", column);
  return static_cast<uint64_t>(row.as_array()[column].as_int());
}

}  // namespace

void StoreComparison::Add(uint64_t index, std::string_view leaf, bool is_request) {
  if (!state_) return;
  next_ = index + 1;
  if (is_request) {
    requests_.push_back({index, std::string(leaf)});
    window_bytes_ += leaf.size();
  }
  if (next_ - window_first_ >= kWindowLeaves || window_bytes_ >= kWindowBytes) state_ = CompareWindow();
}

Result<void> StoreComparison::Finish() {
  TRY(std::exchange(state_, {}));
  TRY(CompareWindow());
  return FindStrangers();
}

Result<void> StoreComparison::CompareWindow() {
  const uint64_t end = next_;
  if (end == window_first_) return {};
  TRY(CompareRecords(end));
  TRY(CompareSpans(end));
  requests_.clear();
  window_bytes_ = 0;
  window_first_ = end;
  return {};
}

Result<void> StoreComparison::CompareRecords(uint64_t end) {
  TRY_ASSIGN(wire::Json rows,
             Rows(fmt::format("SELECT leaf_index FROM records WHERE origin = {} AND leaf_index >= {} "
                              "AND leaf_index < {} ORDER BY leaf_index",
                              Quoted(origin_), window_first_, end)));
  std::vector<uint64_t> missing;
  uint64_t expected = window_first_;
  for (const wire::Json& row : rows.as_array()) {
    TRY_ASSIGN(uint64_t index, NumberIn(row, 0));
    for (; expected < std::min(index, end); ++expected) missing.push_back(expected);
    expected = std::max(expected, index + 1);
  }
  for (; expected < end; ++expected) missing.push_back(expected);
  Find("records_not_stored", gap_.records_not_stored, missing, "records that the store lacks");
  return {};
}

Result<void> StoreComparison::CompareSpans(uint64_t end) {
  TRY_ASSIGN(
      wire::Json rows,
      Rows(fmt::format("SELECT leaf_index, count(*) FROM spans WHERE origin = {} AND leaf_index >= {} AND "
                       "leaf_index < {} AND kind = 'SERVER' AND verified GROUP BY leaf_index",
                       Quoted(origin_), window_first_, end)));
  std::unordered_map<uint64_t, uint64_t> counts;
  for (const wire::Json& row : rows.as_array()) {
    TRY_ASSIGN(uint64_t index, NumberIn(row, 0));
    TRY_ASSIGN(counts[index], NumberIn(row, 1));
    spans_ += static_cast<int64_t>(counts[index]);
  }
  std::vector<uint64_t> without, twice, unborne;
  for (const Request& request : requests_) {
    auto found = counts.find(request.index);
    if (found == counts.end()) {
      without.push_back(request.index);
      if (on_missing_) TRY(on_missing_(request.index, request.leaf));
      continue;
    }
    if (found->second > 1) twice.push_back(request.index);
    counts.erase(found);
  }
  for (const auto& [index, count] : counts) unborne.push_back(index);
  std::ranges::sort(unborne);
  Find("records_without_span", gap_.records_without_span, without, "requests without their server span");
  Find("spans_without_record", gap_.spans_without_record, twice, "requests with more than one server span");
  Find("spans_without_record", gap_.spans_without_record, unborne,
       "leaves that are no request, with a server span");
  return {};
}

// Spans that claim a leaf and do not follow from it: of this log, or of one that the store has no copy of.
Result<void> StoreComparison::FindStrangers() {
  TRY_ASSIGN(wire::Json rows,
             Rows(fmt::format(
                 "SELECT count(*), coalesce(origin, ''), min(leaf_index), max(leaf_index) FROM spans WHERE "
                 "origin IS NOT NULL AND NOT verified AND (origin = {} OR origin NOT IN (SELECT origin FROM "
                 "records)) GROUP BY origin ORDER BY origin LIMIT {}",
                 Quoted(origin_), kStrangersMax)));
  for (const wire::Json& row : rows.as_array()) {
    TRY_ASSIGN(uint64_t count, NumberIn(row, 0));
    const wire::Json::Array& cells = row.as_array();
    if (cells.size() != 4 || !cells[1].is_string())
      return Fail(ErrorCode::kDataLoss, "the store's answer has no origin in column 1");
    gap_.spans_without_record += static_cast<int64_t>(count);
    findings_.push_back(
        {"spans_without_record",
         fmt::format("{} spans claim leaves of {} ({} to {}) that do not bear them out", count,
                     OneLine(cells[1].as_string()), cells[2].Dump(), cells[3].Dump())});
  }
  return {};
}

Result<wire::Json> StoreComparison::Rows(std::string sql) {
  TRY_ASSIGN(net::HttpResponse response,
             store_.Post(fmt::format("api/sql?limit={}", kRowsMax), "text/plain", std::move(sql)));
  auto json = wire::Json::Parse(response.body);
  if (!json)
    return Fail(ErrorCode::kDataLoss, "POST {}/api/sql: {}", store_.base_url(), json.error().message);
  const wire::Json* rows = json->Find("rows");
  if (rows == nullptr || !rows->is_array())
    return Fail(ErrorCode::kDataLoss, "POST {}/api/sql: rows: missing", store_.base_url());
  return *rows;
}

void StoreComparison::Find(std::string_view kind, int64_t& count, const std::vector<uint64_t>& indexes,
                           std::string_view what) {
  if (indexes.empty()) return;
  count += static_cast<int64_t>(indexes.size());
  std::string named;
  for (size_t i = 0; i < std::min(indexes.size(), kNamedMax); ++i)
    named += fmt::format("{}{}", i == 0 ? "" : ", ", indexes[i]);
  findings_.push_back({std::string(kind), fmt::format("{} {}: leaf {}{}", indexes.size(), what, named,
                                                      indexes.size() > kNamedMax ? " …" : "")});
}

}  // namespace beleg::audit
