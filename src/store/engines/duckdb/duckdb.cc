#include "store/engines/duckdb/duckdb.h"

#include <cstring>
#include <utility>

#include "base/check.h"

namespace beleg::store::duckdb {
namespace {

std::string_view TextOrUnknown(const char* text) { return text != nullptr ? text : "unknown error"; }

ErrorCode CodeOf(duckdb_error_type type) {
  switch (type) {
    case DUCKDB_ERROR_OUT_OF_MEMORY: return ErrorCode::kResourceExhausted;
    case DUCKDB_ERROR_INTERRUPT: return ErrorCode::kDeadlineExceeded;
  }
  return ErrorCode::kInvalidArgument;
}

class Config {
 public:
  Config() { CHECK(duckdb_create_config(&handle) == DuckDBSuccess, "out of memory"); }
  ~Config() { duckdb_destroy_config(&handle); }
  Config(const Config&) = delete;
  Config& operator=(const Config&) = delete;

  void Set(const char* name, const std::string& value) {
    CHECK(duckdb_set_config(handle, name, value.c_str()) == DuckDBSuccess, name);
  }
  duckdb_config handle = nullptr;
};

std::string Quote(std::string_view text) {
  std::string out = "'";
  for (char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

struct PreparedHandle {
  ~PreparedHandle() { duckdb_destroy_prepare(&handle); }
  duckdb_prepared_statement handle = nullptr;
};

duckdb_state Bind(duckdb_prepared_statement statement, idx_t index, const Parameter& parameter) {
  if (const auto* number = std::get_if<int64_t>(&parameter))
    return duckdb_bind_int64(statement, index, *number);
  std::string_view text = std::get<std::string_view>(parameter);
  return duckdb_bind_varchar_length(statement, index, text.data(), text.size());
}

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const DatabaseOptions& options) {
  Config config;
  config.Set("memory_limit", fmt::format("{}B", options.memory_bytes));
  // A statement runs on its caller's thread alone. With more, its tasks go to DuckDB's own threads, and the caller spins until they
  // are done (1.5.6): a third of what a commit costs.
  config.Set("threads", "1");
  // Nor is a table in memory rewritten, compressed, at every 16 MB of commits: a row group would be seven times until it is full.
  // What does not fit is compressed when it is spilled.
  config.Set("checkpoint_threshold", "1TB");
  config.Set("autoinstall_known_extensions", "false");
  config.Set("autoload_known_extensions", "false");
  duckdb_database handle = nullptr;
  char* message = nullptr;
  if (duckdb_open_ext(nullptr, &handle, config.handle, &message) != DuckDBSuccess) {
    std::string text(TextOrUnknown(message));
    duckdb_free(message);
    return Fail(ErrorCode::kInternal, "DuckDB does not open: {}", text);
  }
  std::unique_ptr<Database> database(new Database(handle));  // NOLINT: private constructor
  TRY_ASSIGN(Connection connection, database->Connect());
  // The order matters: the scratch folder stays reachable because it is set before all other access is closed.
  TRY(connection.Execute(fmt::format("SET temp_directory = {}; SET max_temp_directory_size = '{}B'",
                                     Quote(options.scratch_dir), options.scratch_bytes_max)));
  TRY(connection.Execute("SET late_materialization_max_rows = 10000"));
  TRY(connection.Execute("SET enable_external_access = false; SET lock_configuration = true"));
  return database;
}

Result<Connection> Database::Connect() {
  duckdb_connection handle = nullptr;
  if (duckdb_connect(handle_, &handle) != DuckDBSuccess)
    return Fail(ErrorCode::kInternal, "DuckDB does not connect");
  return Connection(handle);
}

Result<void> Connection::Execute(const std::string& sql) {
  duckdb_result result{};
  if (duckdb_query(handle_, sql.c_str(), &result) != DuckDBSuccess) return Rows::FailOf(result);
  duckdb_destroy_result(&result);
  return {};
}

Result<Rows> Connection::Query(const std::string& sql, const std::vector<Parameter>& parameters) {
  PreparedHandle statement;
  if (duckdb_prepare(handle_, sql.c_str(), &statement.handle) != DuckDBSuccess) {
    return Fail(ErrorCode::kInvalidArgument, "{}", TextOrUnknown(duckdb_prepare_error(statement.handle)));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (Bind(statement.handle, i + 1, parameters[i]) != DuckDBSuccess) {
      return Fail(ErrorCode::kInvalidArgument, "parameter {}: {}", i + 1,
                  TextOrUnknown(duckdb_prepare_error(statement.handle)));
    }
  }
  duckdb_result result{};
  if (duckdb_execute_prepared(statement.handle, &result) != DuckDBSuccess) return Rows::FailOf(result);
  return Rows(result);
}

std::unexpected<Error> Rows::FailOf(duckdb_result& result) {
  Error error{CodeOf(duckdb_result_error_type(&result)),
              std::string(TextOrUnknown(duckdb_result_error(&result)))};
  duckdb_destroy_result(&result);
  return std::unexpected<Error>(std::move(error));
}

Rows::Rows(const duckdb_result& result) : result_(result) {
  for (idx_t i = 0; i < duckdb_column_count(&result_); ++i) types_.push_back(duckdb_column_type(&result_, i));
}

Rows::Rows(Rows&& other) noexcept
    : result_(std::exchange(other.result_, duckdb_result{})),
      types_(std::move(other.types_)),
      chunk_(std::exchange(other.chunk_, nullptr)),
      chunk_rows_(other.chunk_rows_),
      row_(other.row_) {}

Rows::~Rows() {
  duckdb_destroy_data_chunk(&chunk_);
  duckdb_destroy_result(&result_);
}

bool Rows::Next() {
  if (++row_ < chunk_rows_) return true;
  row_ = 0;
  do {
    duckdb_destroy_data_chunk(&chunk_);
    chunk_ = duckdb_fetch_chunk(result_);
    chunk_rows_ = chunk_ != nullptr ? duckdb_data_chunk_get_size(chunk_) : 0;
  } while (chunk_ != nullptr && chunk_rows_ == 0);
  return chunk_ != nullptr;
}

bool Rows::IsNull(idx_t column) const {
  uint64_t* validity = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(chunk_, column));
  return validity != nullptr && !duckdb_validity_row_is_valid(validity, row_);
}

const void* Rows::Cell(idx_t column, size_t width) const {
  const char* data =
      static_cast<const char*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk_, column)));
  return data + row_ * width;
}

namespace {
template <class T>
T Load(const void* cell) {
  T value;
  std::memcpy(&value, cell, sizeof(T));
  return value;
}
}  // namespace

int64_t Rows::Int64(idx_t column) const {
  if (IsNull(column)) return 0;
  switch (types_[column]) {
    case DUCKDB_TYPE_TINYINT: return Load<int8_t>(Cell(column, 1));
    case DUCKDB_TYPE_SMALLINT: return Load<int16_t>(Cell(column, 2));
    case DUCKDB_TYPE_INTEGER: return Load<int32_t>(Cell(column, 4));
    case DUCKDB_TYPE_BIGINT: return Load<int64_t>(Cell(column, 8));
    case DUCKDB_TYPE_UTINYINT: return Load<uint8_t>(Cell(column, 1));
    case DUCKDB_TYPE_USMALLINT: return Load<uint16_t>(Cell(column, 2));
    case DUCKDB_TYPE_UINTEGER: return Load<uint32_t>(Cell(column, 4));
    case DUCKDB_TYPE_UBIGINT: return static_cast<int64_t>(Load<uint64_t>(Cell(column, 8)));
    default: CHECK(false, "no whole number in this column"); return 0;
  }
}

bool Rows::Bool(idx_t column) const {
  CHECK(types_[column] == DUCKDB_TYPE_BOOLEAN, "no boolean in this column");
  return !IsNull(column) && Load<uint8_t>(Cell(column, 1)) != 0;
}

double Rows::Double(idx_t column) const {
  if (IsNull(column)) return 0;
  if (types_[column] == DUCKDB_TYPE_FLOAT) return Load<float>(Cell(column, 4));
  CHECK(types_[column] == DUCKDB_TYPE_DOUBLE, "no floating-point number in this column");
  return Load<double>(Cell(column, 8));
}

duckdb_hugeint Rows::HugeInt(idx_t column) const {
  CHECK(types_[column] == DUCKDB_TYPE_HUGEINT, "no hugeint in this column");
  return Load<duckdb_hugeint>(Cell(column, 16));
}

std::string_view Rows::Bytes(idx_t column) const {
  CHECK(types_[column] == DUCKDB_TYPE_VARCHAR || types_[column] == DUCKDB_TYPE_BLOB,
        "no bytes in this column");
  if (IsNull(column)) return {};
  return BytesOf(*static_cast<const duckdb_string_t*>(Cell(column, sizeof(duckdb_string_t))));
}

std::string_view BytesOf(const duckdb_string_t& cell) {
  uint32_t length = cell.value.inlined.length;
  return {length <= sizeof(cell.value.inlined.inlined) ? cell.value.inlined.inlined : cell.value.pointer.ptr,
          length};
}

Result<std::unique_ptr<Appender>> Appender::Open(Connection& connection, const std::string& table) {
  duckdb_appender handle = nullptr;
  duckdb_state state = duckdb_appender_create(connection.handle(), nullptr, table.c_str(), &handle);
  std::unique_ptr<Appender> appender(new Appender(handle));  // NOLINT: private constructor
  TRY(appender->Check(state));
  return appender;
}

// Destroying alone would flush, in a transaction of its own once ours is rolled back.
Appender::~Appender() {
  duckdb_appender_clear(handle_);
  duckdb_appender_destroy(&handle_);
}

Appender& Appender::Note(duckdb_state state) {
  failed_ = failed_ || state != DuckDBSuccess;
  return *this;
}
Appender& Appender::Int(int64_t value) { return Note(duckdb_append_int64(handle_, value)); }
Appender& Appender::Double(double value) { return Note(duckdb_append_double(handle_, value)); }
Appender& Appender::Bool(bool value) { return Note(duckdb_append_bool(handle_, value)); }
Appender& Appender::Text(std::string_view value) {
  return Note(duckdb_append_varchar_length(handle_, value.data(), value.size()));
}
Appender& Appender::Blob(std::string_view value) {
  return Note(duckdb_append_blob(handle_, value.data(), value.size()));
}
Appender& Appender::Null() { return Note(duckdb_append_null(handle_)); }

Result<void> Appender::EndRow() { return Check(failed_ ? DuckDBError : duckdb_appender_end_row(handle_)); }
Result<void> Appender::Flush() { return Check(duckdb_appender_flush(handle_)); }

Result<void> Appender::Check(duckdb_state state) {
  if (state == DuckDBSuccess) return {};
  std::string_view words = TextOrUnknown(duckdb_appender_error(handle_));
  bool memory = words.find("Out of Memory") != std::string_view::npos;
  return Fail(memory ? ErrorCode::kResourceExhausted : ErrorCode::kInternal, "append: {}", words);
}

Result<void> RegisterTextFunction(Connection& connection, const std::string& name,
                                  duckdb_scalar_function_t body) {
  duckdb_scalar_function function = duckdb_create_scalar_function();
  duckdb_logical_type blob = duckdb_create_logical_type(DUCKDB_TYPE_BLOB);
  duckdb_logical_type text = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR);
  duckdb_scalar_function_set_name(function, name.c_str());
  duckdb_scalar_function_add_parameter(function, blob);
  duckdb_scalar_function_set_return_type(function, text);
  duckdb_scalar_function_set_function(function, body);
  duckdb_state state = duckdb_register_scalar_function(connection.handle(), function);
  duckdb_destroy_logical_type(&blob);
  duckdb_destroy_logical_type(&text);
  duckdb_destroy_scalar_function(&function);
  if (state != DuckDBSuccess) return Fail(ErrorCode::kInternal, "DuckDB does not take the function {}", name);
  return {};
}

}  // namespace beleg::store::duckdb
