// Other people's SQL: one SELECT, that can read tables and nothing else, with a limit on time, rows and bytes.
//
// Shape:   {"columns":["name",…],"rows":[[…],…]}, and "truncated":true when rows were left out. Whole numbers that do not fit int64 come as text, BLOBs as
//          base64, dates, times and other scalars as DuckDB writes them, lists, structs and maps as JSON.
// Errors:  kInvalidArgument with DuckDB's own words, or that it is not one SELECT · kResourceExhausted (memory) ·
//          kDeadlineExceeded.
// Safety:  statement type SELECT, in a read-only transaction, of a database without external access (duckdb.h).
#pragma once

#include <chrono>
#include <string_view>

#include "store/engines/duckdb/duckdb.h"
#include "wire/json.h"

namespace beleg::store::duckdb {

struct ReadOnlyLimits {
  size_t rows_max = 10'000;
  size_t bytes_max =
      16 << 20;  // of texts and BLOBs in all rows together; as JSON values they take many times as much
  std::chrono::milliseconds time_max{30'000};
};

// Blocks the caller's thread; the connection is used for this alone.
Result<wire::Json> RunReadOnly(Connection& connection, std::string_view sql, const ReadOnlyLimits& limits);

}  // namespace beleg::store::duckdb
