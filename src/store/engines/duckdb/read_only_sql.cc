#include "store/engines/duckdb/read_only_sql.h"

#include <atomic>
#include <utility>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace beleg::store::duckdb {
namespace {

using wire::Json;

constexpr size_t kSqlBytesMax = 1 << 20;

std::string_view TextOf(const char* text) { return text != nullptr ? text : "unknown error"; }

// The handles of one query, ended in order.
struct Statement {
  ~Statement() {
    duckdb_destroy_prepare(&prepared);
    duckdb_destroy_extracted(&extracted);
  }
  duckdb_extracted_statements extracted = nullptr;
  duckdb_prepared_statement prepared = nullptr;
};

struct Column {
  std::string name;
  duckdb_type type;
};

// The columns of the one SELECT in sql; kInvalidArgument when it is something else.
Result<std::vector<Column>> Inspect(Connection& connection, const std::string& sql) {
  Statement statement;
  idx_t count = duckdb_extract_statements(connection.handle(), sql.c_str(), &statement.extracted);
  if (count == 0) {
    const char* error = duckdb_extract_statements_error(statement.extracted);
    return Fail(ErrorCode::kInvalidArgument, "{}",
                error != nullptr && *error != '\0' ? error : "no statement");
  }
  if (count > 1) return Fail(ErrorCode::kInvalidArgument, "{} statements, want one SELECT", count);
  if (duckdb_prepare_extracted_statement(connection.handle(), statement.extracted, 0, &statement.prepared) !=
      DuckDBSuccess) {
    return Fail(ErrorCode::kInvalidArgument, "{}", TextOf(duckdb_prepare_error(statement.prepared)));
  }
  if (duckdb_prepared_statement_type(statement.prepared) != DUCKDB_STATEMENT_TYPE_SELECT) {
    return Fail(ErrorCode::kInvalidArgument, "only SELECT is allowed here");
  }
  std::vector<Column> columns;
  for (idx_t i = 0; i < duckdb_prepared_statement_column_count(statement.prepared); ++i) {
    const char* name = duckdb_prepared_statement_column_name(statement.prepared, i);
    columns.push_back({std::string(name != nullptr ? name : ""),
                       duckdb_prepared_statement_column_type(statement.prepared, i)});
    duckdb_free(const_cast<char*>(name));
  }
  return columns;
}

enum class Form { kAsIs, kDouble, kText, kJson };

Form FormOf(duckdb_type type) {
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
    case DUCKDB_TYPE_TINYINT:
    case DUCKDB_TYPE_SMALLINT:
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_HUGEINT:
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE:
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB: return Form::kAsIs;
    case DUCKDB_TYPE_DECIMAL: return Form::kDouble;
    case DUCKDB_TYPE_LIST:
    case DUCKDB_TYPE_STRUCT:
    case DUCKDB_TYPE_MAP:
    case DUCKDB_TYPE_ARRAY: return Form::kJson;
    default: return Form::kText;
  }
}

// The query around the caller's: casts what we do not read natively, and cuts. The inner text stands as a literal of
// query(), so that its comments and semicolons cannot end ours.
std::string Wrap(std::string_view sql, const std::vector<Column>& columns, size_t rows_max) {
  std::string select, names;
  for (size_t i = 0; i < columns.size(); ++i) {
    const char* comma = i == 0 ? "" : ", ";
    fmt::format_to(std::back_inserter(names), "{}c{}", comma, i);
    switch (FormOf(columns[i].type)) {
      case Form::kAsIs: fmt::format_to(std::back_inserter(select), "{}c{}", comma, i); break;
      case Form::kDouble:
        fmt::format_to(std::back_inserter(select), "{}CAST(c{} AS DOUBLE)", comma, i);
        break;
      case Form::kText: fmt::format_to(std::back_inserter(select), "{}CAST(c{} AS VARCHAR)", comma, i); break;
      case Form::kJson:
        fmt::format_to(std::back_inserter(select), "{}CAST(to_json(c{}) AS VARCHAR)", comma, i);
        break;
    }
  }
  std::string literal;
  for (char c : sql) literal.append(c == '\'' ? 2 : 1, c);
  return fmt::format("SELECT {} FROM query('{}') AS q({}) LIMIT {}", select, literal, names, rows_max + 1);
}

// Interrupts the connection's query when its time is over. From another thread, because one step of a query that filters everything
// out does not come back: a loop of steps would never look at the clock again.
class Watchdog {
 public:
  Watchdog(Connection& connection, std::chrono::milliseconds time_max)
      : thread_("sql-watchdog",
                [this, &connection, time_max](std::stop_token) { Watch(connection, time_max); }) {}
  ~Watchdog() {
    {
      MutexLock lock(mutex_);
      done_ = true;
    }
    wake_.NotifyAll();
    thread_.Join();
  }
  bool fired() const { return fired_; }

 private:
  void Watch(Connection& connection, std::chrono::milliseconds time_max) {
    const SystemClock clock;
    const int64_t deadline_us = clock.MonoMicros() + std::chrono::microseconds(time_max).count();
    MutexLock lock(mutex_);
    while (!done_) {
      int64_t left_us = deadline_us - clock.MonoMicros();
      if (left_us <= 0) {
        fired_ = true;
        duckdb_interrupt(connection.handle());
        left_us = 10'000;  // again: the first may have come before the query had begun
      }
      wake_.WaitFor(mutex_, std::chrono::microseconds(left_us));
    }
  }

  Mutex mutex_;
  CondVar wake_;
  bool done_ GUARDED_BY(mutex_) = false;
  std::atomic<bool> fired_{false};
  Thread thread_;  // last: it uses the others
};

Result<Rows> Run(Connection& connection, const std::string& sql, std::chrono::milliseconds time_max) {
  Statement statement;
  if (duckdb_prepare(connection.handle(), sql.c_str(), &statement.prepared) != DuckDBSuccess) {
    return Fail(ErrorCode::kInvalidArgument, "{}", TextOf(duckdb_prepare_error(statement.prepared)));
  }
  Watchdog watchdog(connection, time_max);
  duckdb_result result{};
  if (duckdb_execute_prepared(statement.prepared, &result) != DuckDBSuccess) {
    auto failed = Rows::FailOf(result);
    if (watchdog.fired())
      return Fail(ErrorCode::kDeadlineExceeded, "the query ran longer than {} ms", time_max.count());
    return failed;
  }
  return Rows(result);
}

Json HugeIntToJson(const duckdb_hugeint& value) {
  __extension__ using Int128 = __int128;
  Int128 number = (static_cast<Int128>(value.upper) << 64) | static_cast<Int128>(value.lower);
  if (number >= INT64_MIN && number <= INT64_MAX) return Json(static_cast<int64_t>(number));
  std::string digits;
  bool negative = number < 0;
  for (; number != 0; number /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + (negative ? -(number % 10) : number % 10)));
  return Json((negative ? "-" : "") + digits);
}

Result<Json> CellToJson(const Rows& rows, idx_t column, Form form) {
  if (rows.IsNull(column)) return Json();
  switch (rows.column_type(column)) {
    case DUCKDB_TYPE_BOOLEAN: return Json(rows.Bool(column));
    case DUCKDB_TYPE_FLOAT:
    case DUCKDB_TYPE_DOUBLE: return Json(rows.Double(column));
    case DUCKDB_TYPE_HUGEINT: return HugeIntToJson(rows.HugeInt(column));
    case DUCKDB_TYPE_BLOB: return Json(Base64Encode(rows.Bytes(column)));
    case DUCKDB_TYPE_VARCHAR:
      if (form == Form::kJson) return Json::Parse(rows.Bytes(column));
      return Json(rows.Bytes(column));
    default: return Json(rows.Int64(column));
  }
}

// Of the current row's texts and BLOBs; the other cells are small.
size_t TextBytes(const Rows& rows, size_t columns) {
  size_t bytes = 0;
  for (idx_t i = 0; i < columns; ++i) {
    bool has_text = rows.column_type(i) == DUCKDB_TYPE_VARCHAR || rows.column_type(i) == DUCKDB_TYPE_BLOB;
    if (has_text && !rows.IsNull(i)) bytes += rows.Bytes(i).size();
  }
  return bytes;
}

Result<Json> Render(Rows& rows, const std::vector<Column>& columns, const ReadOnlyLimits& limits) {
  Json::Array names, out;
  for (const Column& column : columns) names.emplace_back(column.name);
  bool truncated = false;
  size_t bytes = 0;
  while (rows.Next()) {
    bytes += TextBytes(rows, columns.size());
    if (out.size() == limits.rows_max || bytes > limits.bytes_max) {
      truncated = true;
      break;
    }
    Json::Array row;
    for (idx_t i = 0; i < columns.size(); ++i) {
      TRY_ASSIGN(Json cell, CellToJson(rows, i, FormOf(columns[i].type)));
      row.push_back(std::move(cell));
    }
    out.emplace_back(std::move(row));
  }
  Json answer = Json::MakeObject({{"columns", std::move(names)}, {"rows", std::move(out)}});
  if (truncated) answer.Set("truncated", true);
  return answer;
}

}  // namespace

Result<Json> RunReadOnly(Connection& connection, std::string_view sql, const ReadOnlyLimits& limits) {
  if (sql.size() > kSqlBytesMax)
    return Fail(ErrorCode::kInvalidArgument, "{} bytes of SQL, at most {}", sql.size(), kSqlBytesMax);
  if (sql.find('\0') != std::string_view::npos)
    return Fail(ErrorCode::kInvalidArgument, "a zero byte at {}", sql.find('\0'));
  TRY_ASSIGN(std::vector<Column> columns, Inspect(connection, std::string(sql)));
  TRY(connection.Execute("BEGIN TRANSACTION READ ONLY"));
  auto rows = Run(connection, Wrap(sql, columns, limits.rows_max), limits.time_max);
  Result<Json> json = rows ? Render(*rows, columns, limits) : std::unexpected<Error>(rows.error());
  TRY(connection.Execute("ROLLBACK"));
  return json;
}

}  // namespace beleg::store::duckdb
