// StoreComparison: what the store has of a log's requests, against the log itself, a window of leaves at a time.
//
// Shape:   fed with every leaf in order; asks POST api/sql for each window of the tables `records` and `spans`.
// Limits:  one window in memory (kWindowLeaves leaves' indexes, and the requests' bytes until the store's answer is there).
// Errors:  the first error of the store stays, and nothing more is asked: Finish returns it.
// Threads: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "audit/request_accounts.h"
#include "audit/web_client.h"

namespace beleg::audit {

class StoreComparison {
 public:
  // A request's leaf without its server span in the store. May be empty.
  using OnMissing = std::function<Result<void>(uint64_t index, std::string_view leaf)>;

  StoreComparison(WebClient& store, std::string origin, OnMissing on_missing)
      : store_(store), origin_(std::move(origin)), on_missing_(std::move(on_missing)) {}

  // is_request: the leaf has a server span.
  void Add(uint64_t index, std::string_view leaf, bool is_request);
  // Asks for the last window, and for spans that bear out no leaf.
  Result<void> Finish();

  struct Gap {
    int64_t records_not_stored = 0, records_without_span = 0, spans_without_record = 0;
  };
  const Gap& gap() const { return gap_; }
  int64_t spans() const { return spans_; }  // server spans that were compared
  const std::vector<Finding>& findings() const {
    return findings_;
  }  // one a window and kind, the first leaves named

 private:
  struct Request {
    uint64_t index = 0;
    std::string leaf;
  };

  Result<void> CompareWindow();
  Result<void> CompareRecords(uint64_t end);
  Result<void> CompareSpans(uint64_t end);
  Result<void> FindStrangers();
  // Rows of a query, each of whole numbers and texts.
  Result<wire::Json> Rows(std::string sql);
  void Find(std::string_view kind, int64_t& count, const std::vector<uint64_t>& indexes,
            std::string_view what);

  WebClient& store_;
  const std::string origin_;
  const OnMissing on_missing_;
  uint64_t window_first_ = 0, next_ = 0;
  size_t window_bytes_ = 0;
  std::vector<Request> requests_;  // of the window
  Gap gap_;
  int64_t spans_ = 0;
  std::vector<Finding> findings_;
  Result<void> state_;
};

}  // namespace beleg::audit
