#include "store/engines/duckdb/duckdb.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "store/engines/duckdb/read_only_sql.h"

namespace beleg::store::duckdb {
namespace {

class DuckDb : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/beleg_duckdb_XXXXXX";
    dir_ = ::mkdtemp(pattern);
    database_ = *Database::Open({.memory_bytes = 32 << 20, .scratch_dir = dir_ + "/scratch"});
    connection_ = std::make_unique<Connection>(*database_->Connect());
  }
  void TearDown() override {
    connection_.reset();
    database_.reset();
    std::filesystem::remove_all(dir_);
  }
  void Run(const std::string& sql) {
    auto done = connection_->Execute(sql);
    ASSERT_TRUE(done) << done.error().message;
  }
  std::string Sql(std::string_view sql, ReadOnlyLimits limits = {}) {
    auto connection = database_->Connect();
    auto json = RunReadOnly(*connection, sql, limits);
    return json ? json->Dump() : std::string(ErrorCodeName(json.error().code)) + ": " + json.error().message;
  }
  std::string dir_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(DuckDb, RowsGiveBackWhatAppenderTook) {
  Run("CREATE TABLE t (a BIGINT, b VARCHAR, c BLOB, d BOOLEAN, e UTINYINT)");
  {
    auto appender = *Appender::Open(*connection_, "t");
    for (int i = 0; i < 5000; ++i) {
      appender->Int(i)
          .Text("a text longer than twelve bytes")
          .Blob(std::string_view("\0x", 2))
          .Bool(i % 2 == 0)
          .Int(7);
      ASSERT_TRUE(appender->EndRow());
    }
    appender->Null().Text("short").Null().Null().Null();
    ASSERT_TRUE(appender->EndRow());
    ASSERT_TRUE(appender->Flush());
  }
  auto rows = *connection_->Query("SELECT * FROM t WHERE a IS NULL OR a >= $1 ORDER BY a NULLS LAST",
                                  {int64_t{4998}});
  ASSERT_TRUE(rows.Next());
  EXPECT_EQ(rows.Int64(0), 4998);
  EXPECT_EQ(rows.Bytes(1), "a text longer than twelve bytes");
  EXPECT_EQ(rows.Bytes(2), std::string_view("\0x", 2));
  EXPECT_TRUE(rows.Bool(3));
  EXPECT_EQ(rows.Int64(4), 7);
  ASSERT_TRUE(rows.Next());
  EXPECT_FALSE(rows.Bool(3));
  ASSERT_TRUE(rows.Next());
  EXPECT_TRUE(rows.IsNull(0));
  EXPECT_EQ(rows.Bytes(1), "short");
  EXPECT_TRUE(rows.IsNull(2));
  EXPECT_FALSE(rows.Next());
}

TEST_F(DuckDb, ResultsLongerThanOneChunkComeWhole) {
  auto rows = *connection_->Query("SELECT i FROM range(100000) AS r(i)");
  int64_t want = 0;
  while (rows.Next()) ASSERT_EQ(rows.Int64(0), want++);
  EXPECT_EQ(want, 100000);
}

TEST_F(DuckDb, TextParametersAreNotSql) {
  auto rows = *connection_->Query("SELECT $1", {std::string_view("'; DROP TABLE t; --")});
  ASSERT_TRUE(rows.Next());
  EXPECT_EQ(rows.Bytes(0), "'; DROP TABLE t; --");
}

TEST_F(DuckDb, RolledBackAppendLeavesNothing) {
  Run("CREATE TABLE t (a BIGINT)");
  Run("BEGIN");
  {
    auto appender = *Appender::Open(*connection_, "t");
    appender->Int(1);
    ASSERT_TRUE(appender->EndRow());
    ASSERT_TRUE(appender->Flush());
    appender->Int(2);
    ASSERT_TRUE(appender->EndRow());
    Run("ROLLBACK");
  }
  auto rows = *connection_->Query("SELECT count(*) FROM t");
  ASSERT_TRUE(rows.Next());
  EXPECT_EQ(rows.Int64(0), 0);
}

TEST_F(DuckDb, FullMemorySpillsToScratch) {
  Run("CREATE TABLE t AS SELECT i, md5(i::VARCHAR) || md5((i+1)::VARCHAR) AS x FROM range(1000000) AS r(i)");
  auto rows = *connection_->Query("SELECT count(*), max(x) FROM t");
  ASSERT_TRUE(rows.Next());
  EXPECT_EQ(rows.Int64(0), 1000000);
  EXPECT_FALSE(std::filesystem::is_empty(dir_ + "/scratch"));
}

TEST_F(DuckDb, ErrorsSayDuckDbsOwnWords) {
  auto missing = connection_->Query("SELECT nothing FROM nowhere");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(missing.error().message.find("nowhere"), std::string::npos);
  EXPECT_EQ(connection_->Execute("SELEC 1").error().code, ErrorCode::kInvalidArgument);
  EXPECT_FALSE(Appender::Open(*connection_, "nowhere"));
}

TEST_F(DuckDb, TextFunctionRunsOnEachBlob) {
  auto body = [](duckdb_function_info, duckdb_data_chunk input, duckdb_vector output) {
    auto* cells =
        static_cast<duckdb_string_t*>(duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0)));
    for (idx_t i = 0; i < duckdb_data_chunk_get_size(input); ++i) {
      std::string text = "<" + std::string(BytesOf(cells[i])) + ">";
      duckdb_vector_assign_string_element_len(output, i, text.data(), text.size());
    }
  };
  ASSERT_TRUE(RegisterTextFunction(*connection_, "bracket", body));
  EXPECT_EQ(Sql("SELECT bracket(x::BLOB) AS y FROM (VALUES ('a'), ('b')) AS v(x)"),
            R"({"columns":["y"],"rows":[["<a>"],["<b>"]]})");
}

TEST_F(DuckDb, SqlRendersEveryKindOfValue) {
  EXPECT_EQ(Sql("SELECT 1 AS i, 1.5 AS d, 'x' AS t, true AS b, NULL AS n, 2.5::DOUBLE AS f, 'ab'::BLOB AS y"),
            R"({"columns":["i","d","t","b","n","f","y"],"rows":[[1,1.5,"x",true,null,2.5,"YWI="]]})");
  EXPECT_EQ(
      Sql("SELECT [1,2] AS l, {'a': 1} AS s, TIMESTAMP '2026-01-02 03:04:05' AS ts, "
          "170141183460469231731687303715884105727::HUGEINT AS h, sum(i) AS z FROM range(3) r(i)"),
      R"({"columns":["l","s","ts","h","z"],"rows":[[[1,2],{"a":1},"2026-01-02 03:04:05","170141183460469231731687303715884105727",3]]})");
}

TEST_F(DuckDb, SqlKeepsOrderAndCutsRows) {
  EXPECT_EQ(Sql("SELECT i FROM range(9) r(i) ORDER BY i DESC", {.rows_max = 3}),
            R"({"columns":["i"],"rows":[[8],[7],[6]],"truncated":true})");
  EXPECT_EQ(Sql("-- a comment\nWITH a AS (SELECT 'it''s' AS x) SELECT x FROM a; -- end\n"),
            R"({"columns":["x"],"rows":[["it's"]]})");
}

TEST_F(DuckDb, SqlCutsBeforeItsTextsAreTooMany) {
  EXPECT_EQ(Sql("SELECT repeat('x', 3) AS x FROM range(10)", {.bytes_max = 7}),
            R"({"columns":["x"],"rows":[["xxx"],["xxx"]],"truncated":true})");
}

TEST_F(DuckDb, SqlRefusesWhatIsNotOneSelect) {
  Run("CREATE TABLE t (a BIGINT)");
  for (const char* sql :
       {"INSERT INTO t VALUES (1)", "DELETE FROM t", "DROP TABLE t", "CREATE TABLE u (a INT)",
        "SELECT 1; SELECT 2", "SELECT 1; DROP TABLE t", "COPY t TO '/tmp/x.csv'", "ATTACH '/tmp/x.db'",
        "PRAGMA version", "SET threads = 1", "LOAD httpfs", "INSTALL httpfs", "EXPORT DATABASE '/tmp/x'",
        "CALL pragma_version()", "", "   ", "-- nothing", "SELEC"}) {
    std::string answer = Sql(sql);
    EXPECT_TRUE(answer.starts_with("INVALID_ARGUMENT")) << sql << " gives " << answer;
  }
  EXPECT_EQ(Sql("SELECT count(*) AS n FROM t"), R"({"columns":["n"],"rows":[[0]]})");
}

TEST_F(DuckDb, SqlCannotReachFiles) {
  for (const char* sql :
       {"SELECT * FROM read_text('/etc/hostname')", "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM glob('/*')",
        "SELECT * FROM read_blob('/proc/self/environ')", "SELECT * FROM read_parquet('http://127.0.0.1/x')",
        "SELECT getenv('HOME')", "SELECT * FROM query('SELECT * FROM read_text(''/etc/hostname'')')"}) {
    std::string answer = Sql(sql);
    EXPECT_TRUE(answer.starts_with("INVALID_ARGUMENT")) << sql << " gives " << answer;
  }
}

TEST_F(DuckDb, SqlThatRunsTooLongIsEnded) {
  std::string answer =
      Sql("SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE (a.range * b.range) % 7 = 9",
          {.time_max = std::chrono::milliseconds(50)});
  EXPECT_TRUE(answer.starts_with("DEADLINE_EXCEEDED")) << answer;
  EXPECT_EQ(Sql("SELECT 1 AS a"), R"({"columns":["a"],"rows":[[1]]})");
}

TEST(DuckDbMemory, QueryBeyondTheLimitIsRefused) {
  auto database = *Database::Open({.memory_bytes = 16 << 20});
  auto connection = *database->Connect();
  auto made = connection.Execute("CREATE TABLE t AS SELECT md5(i::VARCHAR) AS x FROM range(2000000) AS r(i)");
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kResourceExhausted) << made.error().message;
}

}  // namespace
}  // namespace beleg::store::duckdb
