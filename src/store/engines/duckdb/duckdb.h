// DuckDB as values with destructors: a database in memory, connections, results, appenders.
//
// Shape:   the database lives in memory and spills to a scratch folder; it holds nothing that is not elsewhere on disk. It cannot
//          reach files, the network or extensions.
// Errors:  kInvalidArgument with DuckDB's own words (parser, binder, conversion …) · kResourceExhausted (memory_limit) ·
//          kDeadlineExceeded (interrupted).
// Threads: a Connection, its Rows and Appenders by one thread at a time; different connections side by side, each on its caller's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "store/engines/duckdb/duckdb_c.h"

namespace beleg::store::duckdb {

struct DatabaseOptions {
  uint64_t memory_bytes = 256 << 20;
  std::string scratch_dir{};  // "": nothing spills, a full memory is an error
  uint64_t scratch_bytes_max = uint64_t{8} << 30;
};

using Parameter = std::variant<int64_t, std::string_view>;

// A materialized result, read forward.
class Rows {
 public:
  explicit Rows(const duckdb_result& result);  // takes the result
  Rows(Rows&& other) noexcept;
  Rows& operator=(Rows&&) = delete;
  ~Rows();

  // Goes to the next row; false at the end.
  bool Next();
  // Of the current row; the type must fit the column's (CHECK). A NULL is 0, "" or false: ask IsNull.
  bool IsNull(idx_t column) const;
  int64_t Int64(idx_t column) const;  // any whole type within int64
  bool Bool(idx_t column) const;
  double Double(idx_t column) const;
  std::string_view Bytes(idx_t column) const;  // VARCHAR or BLOB; good until Next

  duckdb_type column_type(idx_t column) const { return types_[column]; }
  duckdb_hugeint HugeInt(idx_t column) const;

  // What went wrong, in DuckDB's own words; destroys the result.
  static std::unexpected<Error> FailOf(duckdb_result& result);

 private:
  const void* Cell(idx_t column, size_t width) const;

  duckdb_result result_;
  std::vector<duckdb_type> types_;
  duckdb_data_chunk chunk_ = nullptr;
  idx_t chunk_rows_ = 0;
  idx_t row_ = 0;
};

class Connection {
 public:
  Connection(Connection&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection() { duckdb_disconnect(&handle_); }

  // One or more statements without parameters; results are dropped.
  Result<void> Execute(const std::string& sql);
  // One statement; parameters are $1, $2 …
  Result<Rows> Query(const std::string& sql, const std::vector<Parameter>& parameters = {});
  duckdb_connection handle() const { return handle_; }

 private:
  friend class Database;
  explicit Connection(duckdb_connection handle) : handle_(handle) {}
  duckdb_connection handle_;
};

class Database {
 public:
  static Result<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  ~Database() { duckdb_close(&handle_); }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Result<Connection> Connect();

 private:
  explicit Database(duckdb_database handle) : handle_(handle) {}
  duckdb_database handle_;
};

// Appends rows to a table in the connection's transaction. Rows that were not flushed are dropped with it. After an error nothing of
// it may be relied on: roll back and make a new one.
class Appender {
 public:
  static Result<std::unique_ptr<Appender>> Open(Connection& connection, const std::string& table);
  ~Appender();
  Appender(const Appender&) = delete;
  Appender& operator=(const Appender&) = delete;

  Appender& Int(int64_t value);
  Appender& Double(double value);
  Appender& Bool(bool value);
  Appender& Text(std::string_view value);  // valid UTF-8
  Appender& Blob(std::string_view value);
  Appender& Null();
  // Ends the row: the first error of its cells, if any.
  Result<void> EndRow();
  Result<void> Flush();

 private:
  explicit Appender(duckdb_appender handle) : handle_(handle) {}
  Appender& Note(duckdb_state state);
  Result<void> Check(duckdb_state state);

  duckdb_appender handle_;
  bool failed_ = false;
};

// Registers a scalar function of one BLOB argument that gives VARCHAR. body runs on DuckDB's threads and must not fail:
// what it cannot read is its own text.
Result<void> RegisterTextFunction(Connection& connection, const std::string& name,
                                  duckdb_scalar_function_t body);

// The bytes of a VARCHAR or BLOB cell.
std::string_view BytesOf(const duckdb_string_t& cell);

}  // namespace beleg::store::duckdb
