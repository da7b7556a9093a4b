// Reading the tables: spans and places of records. Each call on a connection of its own.
#pragma once

#include <vector>

#include "store/engines/duckdb/duckdb.h"
#include "store/store.h"

namespace beleg::store {

// Newest first.
Result<std::vector<SpanRow>> FindSpans(duckdb::Connection& connection, const SpanFilter& filter);
// kNotFound.
Result<Store::RecordPlace> FindRecord(duckdb::Connection& connection, std::string_view request_id_hex);
Result<std::vector<Store::RecordPlace>> RecentRecords(duckdb::Connection& connection, size_t limit);

}  // namespace beleg::store
