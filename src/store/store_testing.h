// For tests of the store: one in a folder of its own, asked in a line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "io/testing.h"
#include "store/span_row.h"
#include "store/store.h"
#include "store/testing.h"

namespace beleg::store::testing {

class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    store_.reset();
    StoreOptions options;
    options.dir = folder_ / "store";
    options.free_bytes_min = 0;
    auto store = Store::Open(std::move(options));
    ASSERT_TRUE(store) << store.error().message;
    store_ = *std::move(store);
  }
  std::vector<SpanRow> Find(SpanFilter filter = {}) {
    auto rows = store_->FindSpans(filter);
    EXPECT_TRUE(rows) << rows.error().message;
    return rows ? *std::move(rows) : std::vector<SpanRow>{};
  }
  std::string Sql(std::string_view sql) {
    auto json = store_->Sql(sql, 100);
    return json ? json->Find("rows")->Dump() : json.error().message;
  }
  void Ingest(const std::string& request) {
    auto count = store_->IngestTraces(request);
    ASSERT_TRUE(count) << count.error().message;
  }

  io::TempFolder folder_;
  std::unique_ptr<Store> store_;
};

}  // namespace beleg::store::testing
