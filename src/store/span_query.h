// Reading the tables: spans and places of records. Each call on a connection of its own.
#pragma once

#include <vector>

#include "store/engines/duckdb/duckdb.h"
#include "store/store.h"

namespace beleg::store {

// Newest first.
Result<std::vector<SpanRow>> FindSpans(duckdb::Connection& connection, const SpanFilter& filter);
// The first of these places that holds the request's record. kNotFound.
Result<Store::RecordPlace> FindRecord(duckdb::Connection& connection, const RequestId& id,
                                      const std::vector<Store::RecordPlace>& candidates);
Result<std::vector<Store::RecordPlace>> RecentRecords(duckdb::Connection& connection, size_t limit);

}  // namespace beleg::store
