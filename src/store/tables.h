// The store's tables in DuckDB, and the one transaction at a time that writes them.
//
// Shape:   span_rows, claimed_rows (spans that claim a leaf we do not have yet), resources, records; views `spans` and `records` are
//          what SQL users read. Columns: docs/formats/store.md.
// Threads: a Tables and its transaction by one thread at a time; readers use connections of their own.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "record/audit_record.h"
#include "store/engines/duckdb/duckdb.h"
#include "store/span_row.h"

namespace beleg::store {

enum class SpanTable { kSpans, kClaimed };
std::string_view TableName(SpanTable table);

struct RecordRow {
  std::string origin;
  uint64_t leaf_index = 0;
  Hash32 leaf_hash{};
  const record::AuditRecord* record = nullptr;  // null: not readable by this version
};

class Tables {
 public:
  // Makes everything in an empty database.
  static Result<std::unique_ptr<Tables>> Create(duckdb::Database& database);

  // What was added is seen by others after Commit; destroyed before, it leaves nothing.
  class Transaction {
   public:
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    Result<int64_t> ResourceId(const ResourceRow& resource);
    Result<void> AddSpan(SpanTable table, const PreparedBatch& batch, const PreparedSpan& span,
                         bool verified);
    Result<void> AddRecord(const RecordRow& row);
    Result<void> Commit();

   private:
    friend class Tables;
    explicit Transaction(Tables& tables) : tables_(tables) {}
    Result<duckdb::Appender*> AppenderOf(const std::string& table);

    Tables& tables_;
    std::unordered_map<std::string, std::unique_ptr<duckdb::Appender>> appenders_;
    bool open_ = true;
  };
  Result<std::unique_ptr<Transaction>> Begin();
  // For queries within the transaction, which do not see rows that it added.
  duckdb::Connection& connection() { return connection_; }

 private:
  explicit Tables(duckdb::Connection connection) : connection_(std::move(connection)) {}

  duckdb::Connection connection_;
  // Ids of the resources seen lately; one that was forgotten gets a second id and row, which is only a little waste.
  std::unordered_map<Fingerprint, int64_t, FingerprintHash> resource_ids_;
  int64_t next_resource_id_ = 1;
};

}  // namespace beleg::store
