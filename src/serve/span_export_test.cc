#include "serve/span_export.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "io/durable.h"
#include "io/simulated_disk.h"
#include "record/testing.h"
#include "wire/otlp.h"

namespace beleg::serve {
namespace {

using Answer = SpanExport::Answer;

// A log of a boot record and requests, and an exporter over it.
class SpanExportTest : public testing::Test {
 protected:
  SpanExportTest() {
    EXPECT_TRUE(io::MakeFoldersDurably(disk_, "/log/cursors"));
    Append(record::Boot());
    Open();
  }
  void Append(record::Body body) {
    leaves_.push_back({leaves_.size(), record::Encode(record::SampleRecord(std::move(body)))});
  }
  void AppendRequests(int count) {
    for (int i = 0; i < count; ++i) {
      record::Request request = record::SampleRequest();
      request.id.seq = leaves_.size();
      request.id.boot_index = request.model_index = 0;
      Append(request);
    }
  }
  void Open() {
    auto read = [this](uint64_t first, size_t count_max, size_t) -> Result<std::vector<ledger::Leaf>> {
      std::vector<ledger::Leaf> out;
      for (uint64_t i = first; i < leaves_.size() && out.size() < count_max; ++i) out.push_back(leaves_[i]);
      return out;
    };
    export_ = SpanExport::Open({&disk_, "/log", "example.org/log", record::Semconv::kDup}, read).value();
  }
  // Which leaves the next request is of, by the seq that its spans name.
  std::vector<uint64_t> Next() {
    auto request = export_->NextRequest();
    EXPECT_TRUE(request) << request.error().message;
    std::vector<uint64_t> indexes;
    if (!request || request->empty()) return indexes;
    const auto scopes = wire::otlp::DecodeTraces(*request).value();
    for (const auto& span : scopes.at(0).spans)
      for (const auto& [key, value] : span.attributes)
        if (key == "audit.log.index" && !span.name.empty() && span.kind == wire::otlp::SpanKind::kServer)
          indexes.push_back(static_cast<uint64_t>(std::get<int64_t>(value.value)));
    return indexes;
  }

  io::SimulatedDisk disk_{1};
  std::vector<ledger::Leaf> leaves_;
  std::unique_ptr<SpanExport> export_;
};

TEST_F(SpanExportTest, MovesOnWhenARequestIsTaken) {
  AppendRequests(2);
  EXPECT_EQ(Next(), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(export_->next(), 0u);
  ASSERT_TRUE(export_->Answered(Answer::kTaken));
  EXPECT_EQ(export_->next(), 3u);
  EXPECT_TRUE(Next().empty());
  AppendRequests(1);
  EXPECT_EQ(Next(), std::vector<uint64_t>{3});
}

TEST_F(SpanExportTest, GivesTheSameRequestUntilItIsAnswered) {
  AppendRequests(2);
  const std::string first(export_->NextRequest().value());
  AppendRequests(1);
  ASSERT_TRUE(export_->Answered(Answer::kRetry));
  EXPECT_EQ(export_->NextRequest().value(), first);
}

TEST_F(SpanExportTest, PassesOverLeavesWithoutSpans) {
  EXPECT_TRUE(Next().empty());
  EXPECT_EQ(export_->next(), 1u);
}

TEST_F(SpanExportTest, HalvesWhatThePeerCallsWrongAndLeavesTheOneRecord) {
  AppendRequests(8);
  const uint64_t bad = 6;
  std::vector<uint64_t> taken;
  for (int tries = 0; tries < 20; ++tries) {
    const auto indexes = Next();
    if (indexes.empty()) break;
    const bool is_wrong = std::ranges::find(indexes, bad) != indexes.end();
    if (!is_wrong) taken.insert(taken.end(), indexes.begin(), indexes.end());
    ASSERT_TRUE(export_->Answered(is_wrong ? Answer::kWrong : Answer::kTaken));
  }
  EXPECT_EQ(taken, (std::vector<uint64_t>{1, 2, 3, 4, 5, 7, 8}));
  EXPECT_EQ(export_->next(), 9u);
}

TEST_F(SpanExportTest, WhatWasTakenIsNotSentAgainAfterAPowerCut) {
  AppendRequests(3);
  Next();
  ASSERT_TRUE(export_->Answered(Answer::kTaken));
  disk_.CutPower();
  Open();
  AppendRequests(1);
  EXPECT_EQ(Next(), std::vector<uint64_t>{4});
}

TEST_F(SpanExportTest, ACursorThatCannotBeWrittenIsWrittenBeforeTheNextRequest) {
  AppendRequests(3);
  Next();
  disk_.SetFault(
      [](const io::DiskCall&) { return Result<void>(Fail(ErrorCode::kResourceExhausted, "full")); });
  EXPECT_EQ(export_->Answered(Answer::kTaken).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(export_->next(), 0u);
  EXPECT_EQ(export_->NextRequest().error().code, ErrorCode::kResourceExhausted);
  disk_.SetFault({});
  EXPECT_TRUE(Next().empty()) << "the peer has them";
  EXPECT_EQ(export_->next(), 4u);
}

}  // namespace
}  // namespace beleg::serve
