#include "store/tables.h"

#include <optional>

#include "base/check.h"
#include "record/request_id.h"
#include "wire/otlp_json.h"

namespace beleg::store {
namespace {

namespace otlp = wire::otlp;

constexpr size_t kResourceIdsMax = 65'536;

constexpr const char* kSchema = R"(
CREATE TABLE resources (resource_id BIGINT NOT NULL, region VARCHAR, resource BLOB NOT NULL);
CREATE TABLE span_rows (
  trace_id VARCHAR NOT NULL, span_id VARCHAR NOT NULL, parent_span_id VARCHAR,
  service VARCHAR, name VARCHAR NOT NULL, kind VARCHAR NOT NULL,
  start_us BIGINT NOT NULL, duration_us BIGINT NOT NULL, status VARCHAR NOT NULL,
  operation VARCHAR, model VARCHAR, input_tokens BIGINT, output_tokens BIGINT, finish_reasons VARCHAR,
  outcome VARCHAR, error_type VARCHAR, request_id VARCHAR, region VARCHAR,
  origin VARCHAR, leaf_index BIGINT, verified BOOLEAN NOT NULL,
  resource_id BIGINT NOT NULL, otlp BLOB NOT NULL);
CREATE TABLE claimed_rows AS FROM span_rows LIMIT 0;
CREATE TABLE records (
  origin VARCHAR NOT NULL, leaf_index BIGINT NOT NULL, leaf_hash VARCHAR NOT NULL, type VARCHAR NOT NULL,
  boot VARCHAR, time_us BIGINT, seq BIGINT, request_id VARCHAR, trace_id VARCHAR, parent_span_id VARCHAR,
  operation VARCHAR, caller VARCHAR, outcome VARCHAR, error_type VARCHAR, status BIGINT, model VARCHAR, model_index BIGINT,
  input_tokens BIGINT, output_tokens BIGINT, cached_tokens BIGINT, finish_reasons VARCHAR,
  start_us BIGINT, duration_us BIGINT, queue_us BIGINT, prefill_us BIGINT, decode_us BIGINT);
CREATE VIEW all_rows AS FROM span_rows UNION ALL FROM claimed_rows;
CREATE VIEW spans AS
  SELECT s.* EXCLUDE (resource_id, otlp) REPLACE (coalesce(s.region, r.region) AS region), make_timestamp(start_us) AS start_time,
         otlp_span_attributes(s.otlp) AS attributes, otlp_resource_attributes(r.resource) AS resource
  FROM all_rows s JOIN resources r USING (resource_id);
)";

// A column of JSON text out of a BLOB of OTLP bytes that we wrote ourselves.
template <class Read>
void RenderColumn(duckdb_data_chunk input, duckdb_vector output, Read read) {
  const auto* cells =
      static_cast<const duckdb_string_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
  for (idx_t i = 0; i < duckdb_data_chunk_get_size(input); ++i) {
    const Result<otlp::Attributes> attributes = read(duckdb::BytesOf(cells[i]));
    const std::string text = attributes ? otlp::AttributesToPlainJson(*attributes).Dump() : std::string("{}");
    duckdb_vector_assign_string_element_len(output, i, text.data(), text.size());
  }
}

void RenderSpanAttributes(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
  RenderColumn(input, output, [](std::string_view bytes) -> Result<otlp::Attributes> {
    TRY_ASSIGN(otlp::ScopeSpans scope, ReadSpan(bytes));
    return std::move(scope.spans[0].attributes);
  });
}

void RenderResourceAttributes(duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
  RenderColumn(input, output, ReadResource);
}

// Empty text is NULL.
void Text(duckdb::Appender& out, std::string_view text) { text.empty() ? out.Null() : out.Text(text); }
void Int(duckdb::Appender& out, std::optional<int64_t> value) { value ? out.Int(*value) : out.Null(); }
// Phases that were not reached are -1 in records.
void Phase(duckdb::Appender& out, int64_t value) { value < 0 ? out.Null() : out.Int(value); }
template <class Id>
void IdText(duckdb::Appender& out, const Id& id) {
  id.IsZero() ? out.Null() : out.Text(id.Hex());
}

std::string Joined(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ",")); }

// The columns from `outcome` on, which depend on the type.
void AppendRequest(duckdb::Appender& out, const record::Request& request) {
  out.Text(Name(request.outcome));
  Text(out, Name(request.error));
  out.Int(request.status);
  Text(out, request.model);
  out.Int(static_cast<int64_t>(request.model_index));
  out.Int(request.input_tokens).Int(request.output_tokens).Int(request.cached_tokens);
  Text(out, Joined(request.finish_reasons));
  out.Int(request.start_us).Int(request.duration_us);
  Phase(out, request.queue_us);
  Phase(out, request.prefill_us);
  Phase(out, request.decode_us);
}

void AppendNulls(duckdb::Appender& out, int count) {
  for (int i = 0; i < count; ++i) out.Null();
}

void AppendBody(duckdb::Appender& out, const record::Body& body) {
  if (const auto* request = std::get_if<record::Request>(&body)) return AppendRequest(out, *request);
  if (const auto* refused = std::get_if<record::Refused>(&body)) {
    out.Text("refused");
    Text(out, Name(refused->error));
    out.Int(refused->status);
    AppendNulls(out, 6);
    out.Int(refused->start_us);
    return AppendNulls(out, 4);
  }
  if (const auto* lost = std::get_if<record::Lost>(&body)) {
    out.Text("lost");
    AppendNulls(out, 8);
    out.Int(lost->start_us);
    return AppendNulls(out, 4);
  }
  AppendNulls(out, 14);
}

void AppendIdentity(duckdb::Appender& out, const record::AuditRecord& record) {
  const record::RequestIdentity* id = record::IdentityOf(record);
  if (id == nullptr) return AppendNulls(out, 6);
  out.Int(static_cast<int64_t>(id->seq));
  out.Text(record::DeriveRequestId(record::BootOfRequest(record), id->seq, id->trace_id).Hex());
  IdText(out, id->trace_id);
  IdText(out, id->parent_span_id);
  out.Text(Name(id->operation));
  Text(out, id->caller);
}

}  // namespace

std::string_view TableName(SpanTable table) {
  switch (table) {
    case SpanTable::kSpans: return "span_rows";
    case SpanTable::kClaimed: return "claimed_rows";
  }
  return "";
}

Result<std::unique_ptr<Tables>> Tables::Create(duckdb::Database& database) {
  TRY_ASSIGN(duckdb::Connection connection, database.Connect());
  TRY(duckdb::RegisterTextFunction(connection, "otlp_span_attributes", RenderSpanAttributes));
  TRY(duckdb::RegisterTextFunction(connection, "otlp_resource_attributes", RenderResourceAttributes));
  TRY(connection.Execute(kSchema));
  return std::unique_ptr<Tables>(new Tables(std::move(connection)));
}

Result<std::unique_ptr<Tables::Transaction>> Tables::Begin() {
  TRY(connection_.Execute("BEGIN TRANSACTION"));
  return std::unique_ptr<Transaction>(new Transaction(*this));
}

Tables::Transaction::~Transaction() {
  appenders_.clear();
  if (!open_) return;
  // Ids that were given to resources of this transaction have no row now.
  tables_.resource_ids_.clear();
  std::ignore = tables_.connection_.Execute("ROLLBACK");  // fails when DuckDB has rolled back already
}

Result<void> Tables::Transaction::Commit() {
  CHECK(open_, "a transaction ends once");
  for (auto& [table, appender] : appenders_) TRY(appender->Flush());
  appenders_.clear();
  TRY(tables_.connection_.Execute("COMMIT"));
  open_ = false;
  return {};
}

Result<duckdb::Appender*> Tables::Transaction::AppenderOf(const std::string& table) {
  auto& appender = appenders_[table];
  if (appender == nullptr) {
    TRY_ASSIGN(appender, duckdb::Appender::Open(tables_.connection_, table));
  }
  return appender.get();
}

Result<int64_t> Tables::Transaction::ResourceId(const ResourceRow& resource) {
  auto& ids = tables_.resource_ids_;
  if (auto known = ids.find(resource.fingerprint); known != ids.end()) return known->second;
  if (ids.size() >= kResourceIdsMax) ids.clear();
  const int64_t id = tables_.next_resource_id_++;
  TRY_ASSIGN(duckdb::Appender * out, AppenderOf("resources"));
  out->Int(id);
  Text(*out, resource.region);
  out->Blob(resource.bytes);
  TRY(out->EndRow());
  ids.emplace(resource.fingerprint, id);
  return id;
}

Result<void> Tables::Transaction::AddSpan(SpanTable table, const PreparedBatch& batch,
                                          const PreparedSpan& row, bool verified) {
  const ResourceRow& resource = batch.resources[row.resource];
  TRY_ASSIGN(int64_t resource_id, ResourceId(resource));
  TRY_ASSIGN(duckdb::Appender * appender, AppenderOf(std::string(TableName(table))));
  duckdb::Appender& out = *appender;
  const otlp::SpanView& span = row.span;
  const SpanColumns& columns = row.columns;
  out.Text(span.trace_id.Hex()).Text(span.span_id.Hex());
  IdText(out, span.parent_span_id);
  Text(out, resource.service);
  out.Text(span.name).Text(store::Name(span.kind));
  out.Int(span.start_unix_ns / 1000)
      .Int((span.end_unix_ns - span.start_unix_ns) / 1000)
      .Text(store::Name(span.status));
  Text(out, columns.operation);
  Text(out, columns.model);
  Int(out, columns.input_tokens);
  Int(out, columns.output_tokens);
  for (std::string_view text : {std::string_view(columns.finish_reasons), columns.outcome, columns.error_type,
                                std::string_view(columns.request_id), columns.region}) {
    Text(out, text);
  }
  row.claim ? out.Text(row.claim->origin).Int(static_cast<int64_t>(row.claim->index)) : out.Null().Null();
  out.Bool(verified).Int(resource_id).Blob(batch.BytesOf(row));
  return out.EndRow();
}

Result<void> Tables::Transaction::AddRecord(const RecordRow& row) {
  TRY_ASSIGN(duckdb::Appender * appender, AppenderOf("records"));
  duckdb::Appender& out = *appender;
  out.Text(row.origin).Int(static_cast<int64_t>(row.leaf_index)).Text(HexEncode(AsView(row.leaf_hash)));
  if (row.record == nullptr) {
    out.Text("unreadable");
    AppendNulls(out, 22);
    return out.EndRow();
  }
  out.Text(record::TypeName(row.record->body)).Text(row.record->boot.Hex()).Int(row.record->time_us);
  AppendIdentity(out, *row.record);
  AppendBody(out, row.record->body);
  return out.EndRow();
}

}  // namespace beleg::store
