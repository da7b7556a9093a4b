// The part of DuckDB's C API (stable since 1.0, library 1.5.6) that we call, declared after its documentation, since the
// prebuilt library brings no header. Names, types and values are DuckDB's; duckdb_test.cc calls each of them.
// Source: duckdb.org/docs/stable/clients/c/api.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using idx_t = uint64_t;

enum duckdb_state : int { DuckDBSuccess = 0, DuckDBError = 1 };
enum duckdb_statement_type : int { DUCKDB_STATEMENT_TYPE_SELECT = 1 };
enum duckdb_error_type : int { DUCKDB_ERROR_INTERRUPT = 29, DUCKDB_ERROR_OUT_OF_MEMORY = 33 };
enum duckdb_type : int {
  DUCKDB_TYPE_BOOLEAN = 1,
  DUCKDB_TYPE_TINYINT = 2,
  DUCKDB_TYPE_SMALLINT = 3,
  DUCKDB_TYPE_INTEGER = 4,
  DUCKDB_TYPE_BIGINT = 5,
  DUCKDB_TYPE_UTINYINT = 6,
  DUCKDB_TYPE_USMALLINT = 7,
  DUCKDB_TYPE_UINTEGER = 8,
  DUCKDB_TYPE_UBIGINT = 9,
  DUCKDB_TYPE_FLOAT = 10,
  DUCKDB_TYPE_DOUBLE = 11,
  DUCKDB_TYPE_HUGEINT = 16,
  DUCKDB_TYPE_VARCHAR = 17,
  DUCKDB_TYPE_BLOB = 18,
  DUCKDB_TYPE_DECIMAL = 19,
  DUCKDB_TYPE_LIST = 24,
  DUCKDB_TYPE_STRUCT = 25,
  DUCKDB_TYPE_MAP = 26,
  DUCKDB_TYPE_ARRAY = 33,
};

struct duckdb_hugeint {
  uint64_t lower;
  int64_t upper;
};

// A VARCHAR or BLOB cell: up to 12 bytes stand inline, more behind the pointer.
struct duckdb_string_t {
  union {
    struct {
      uint32_t length;
      char prefix[4];
      char* ptr;
    } pointer;
    struct {
      uint32_t length;
      char inlined[12];
    } inlined;
  } value;
};

struct duckdb_result {
  idx_t deprecated_column_count;
  idx_t deprecated_row_count;
  idx_t deprecated_rows_changed;
  void* deprecated_columns;
  char* deprecated_error_message;
  void* internal_data;
};

using duckdb_database = struct _duckdb_database*;
using duckdb_connection = struct _duckdb_connection*;
using duckdb_config = struct _duckdb_config*;
using duckdb_prepared_statement = struct _duckdb_prepared_statement*;
using duckdb_extracted_statements = struct _duckdb_extracted_statements*;
using duckdb_appender = struct _duckdb_appender*;
using duckdb_data_chunk = struct _duckdb_data_chunk*;
using duckdb_vector = struct _duckdb_vector*;
using duckdb_logical_type = struct _duckdb_logical_type*;
using duckdb_scalar_function = struct _duckdb_scalar_function*;
using duckdb_function_info = struct _duckdb_function_info*;
using duckdb_scalar_function_t = void (*)(duckdb_function_info info, duckdb_data_chunk input,
                                          duckdb_vector output);

// Databases and connections. duckdb_free frees out_error.
duckdb_state duckdb_create_config(duckdb_config* out_config);
duckdb_state duckdb_set_config(duckdb_config config, const char* name, const char* option);
void duckdb_destroy_config(duckdb_config* config);
duckdb_state duckdb_open_ext(const char* path, duckdb_database* out, duckdb_config config, char** out_error);
void duckdb_close(duckdb_database* database);
duckdb_state duckdb_connect(duckdb_database database, duckdb_connection* out_connection);
void duckdb_disconnect(duckdb_connection* connection);
const char* duckdb_library_version();
void duckdb_free(void* ptr);

// Statements. A result, prepared statement and extraction are destroyed after failure too: they hold the error's text.
duckdb_state duckdb_query(duckdb_connection connection, const char* query, duckdb_result* out_result);
idx_t duckdb_extract_statements(duckdb_connection connection, const char* query,
                                duckdb_extracted_statements* out);
const char* duckdb_extract_statements_error(duckdb_extracted_statements extracted);
duckdb_state duckdb_prepare_extracted_statement(duckdb_connection connection,
                                                duckdb_extracted_statements extracted, idx_t index,
                                                duckdb_prepared_statement* out);
void duckdb_destroy_extracted(duckdb_extracted_statements* extracted);
duckdb_state duckdb_prepare(duckdb_connection connection, const char* query, duckdb_prepared_statement* out);
const char* duckdb_prepare_error(duckdb_prepared_statement statement);
duckdb_statement_type duckdb_prepared_statement_type(duckdb_prepared_statement statement);
duckdb_state duckdb_bind_int64(duckdb_prepared_statement statement, idx_t index, int64_t value);
duckdb_state duckdb_bind_varchar_length(duckdb_prepared_statement statement, idx_t index, const char* value,
                                        idx_t length);
duckdb_state duckdb_execute_prepared(duckdb_prepared_statement statement, duckdb_result* out_result);
void duckdb_destroy_prepare(duckdb_prepared_statement* statement);
idx_t duckdb_prepared_statement_column_count(duckdb_prepared_statement statement);
const char* duckdb_prepared_statement_column_name(duckdb_prepared_statement statement,
                                                  idx_t column);  // duckdb_free
duckdb_type duckdb_prepared_statement_column_type(duckdb_prepared_statement statement, idx_t column);
void duckdb_interrupt(duckdb_connection connection);

// Results, chunk by chunk.
const char* duckdb_result_error(duckdb_result* result);
duckdb_error_type duckdb_result_error_type(duckdb_result* result);
void duckdb_destroy_result(duckdb_result* result);
idx_t duckdb_column_count(duckdb_result* result);
const char* duckdb_column_name(duckdb_result* result, idx_t column);
duckdb_type duckdb_column_type(duckdb_result* result, idx_t column);
duckdb_data_chunk duckdb_fetch_chunk(duckdb_result result);
idx_t duckdb_data_chunk_get_size(duckdb_data_chunk chunk);
duckdb_vector duckdb_data_chunk_get_vector(duckdb_data_chunk chunk, idx_t column);
void* duckdb_vector_get_data(duckdb_vector vector);
uint64_t* duckdb_vector_get_validity(duckdb_vector vector);  // null: all rows are valid
bool duckdb_validity_row_is_valid(uint64_t* validity, idx_t row);
void duckdb_destroy_data_chunk(duckdb_data_chunk* chunk);

// Appender.
duckdb_state duckdb_appender_create(duckdb_connection connection, const char* schema, const char* table,
                                    duckdb_appender* out);
const char* duckdb_appender_error(duckdb_appender appender);
duckdb_state duckdb_appender_flush(duckdb_appender appender);
duckdb_state duckdb_appender_clear(duckdb_appender appender);
duckdb_state duckdb_appender_end_row(duckdb_appender appender);
duckdb_state duckdb_append_bool(duckdb_appender appender, bool value);
duckdb_state duckdb_append_int64(duckdb_appender appender, int64_t value);
duckdb_state duckdb_append_double(duckdb_appender appender, double value);
duckdb_state duckdb_append_varchar_length(duckdb_appender appender, const char* value, idx_t length);
duckdb_state duckdb_append_blob(duckdb_appender appender, const void* data, idx_t length);
duckdb_state duckdb_append_null(duckdb_appender appender);
duckdb_state duckdb_appender_destroy(duckdb_appender* appender);

// Scalar functions of our own.
duckdb_scalar_function duckdb_create_scalar_function();
void duckdb_scalar_function_set_name(duckdb_scalar_function function, const char* name);
void duckdb_scalar_function_add_parameter(duckdb_scalar_function function, duckdb_logical_type type);
void duckdb_scalar_function_set_return_type(duckdb_scalar_function function, duckdb_logical_type type);
void duckdb_scalar_function_set_function(duckdb_scalar_function function, duckdb_scalar_function_t body);
duckdb_state duckdb_register_scalar_function(duckdb_connection connection, duckdb_scalar_function function);
void duckdb_destroy_scalar_function(duckdb_scalar_function* function);
duckdb_logical_type duckdb_create_logical_type(duckdb_type type);
void duckdb_destroy_logical_type(duckdb_logical_type* type);
void duckdb_vector_assign_string_element_len(duckdb_vector vector, idx_t row, const char* text, idx_t length);
void duckdb_scalar_function_set_error(duckdb_function_info info, const char* error);

}  // extern "C"
