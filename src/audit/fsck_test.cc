#include "audit/fsck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/testing.h"
#include "io/durable.h"
#include "io/testing.h"
#include "wire/compress.h"

namespace beleg::audit {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using verify::testing::TestLog;

// Log files behind a URL's "/log/", for whoever has the token.
void ServeLog(const TestLog& log, FakeSite& site) {
  for (const auto& [path, bytes] : log.files)
    site.On("GET /log/" + path, [content = bytes](const net::HttpRequest& request) {
      bool allowed = net::BearerToken(request.headers) == "secret";
      return net::MakeResponse(allowed ? 200 : 401, "application/octet-stream", allowed ? content : "");
    });
}

// 300 records, so that there is a full tile and a partial one.
TestLog LargeLog() {
  std::vector<std::string> entries;
  for (int i = 0; i < 300; ++i) {
    record::Request request = record::SampleRequest();
    request.id.seq = static_cast<uint64_t>(i + 1);
    entries.push_back(record::Encode(record::SampleRecord(request)));
  }
  return TestLog(entries);
}

TEST(AuditFsck, FolderIsCheckedAndItsRecordsCounted) {
  TestLog log(SampleEntries());
  io::TempFolder folder;
  WriteLog(log, folder.path());
  FsckOptions options{folder.path(), "", log.vkey_text()};
  auto result = FsckLog(options);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->log.entries, 16u);
  EXPECT_THAT(result->records, SizeIs(16));
  EXPECT_THAT(result->records, Contains(Pair("request", 1)));
  EXPECT_THAT(result->records, Contains(Pair("read", 1)));
  std::string text = RenderText(options, *result);
  EXPECT_THAT(text, HasSubstr("  request   1\n"));
  EXPECT_THAT(text, HasSubstr("OK: every entry, tile, root and signature is right\n"));
}

TEST(AuditFsck, LedgersOwnFolderWillDo) {
  TestLog log(SampleEntries());
  io::TempFolder folder;
  WriteLog(log, folder / "public");
  auto result = FsckLog({folder.path(), "", log.vkey_text()});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_TRUE(result->ok());
}

TEST(AuditFsck, UrlIsCheckedWithItsToken) {
  TestLog log = LargeLog();
  FakeSite site;
  ServeLog(log, site);
  auto result = FsckLog({site.url() + "/log", "secret", log.vkey_text()});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->records["request"], 300u);
  auto refused = FsckLog({site.url() + "/log/", "wrong", log.vkey_text()});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnauthenticated);
}

TEST(AuditFsck, DamageIsFoundInAFolderAndBehindAUrl) {
  TestLog log = LargeLog();
  log.files["tile/0/000"][0] ^= 1;
  log.files.erase("tile/entries/001.p/44");
  io::TempFolder folder;
  WriteLog(log, folder.path());
  FakeSite site;
  ServeLog(log, site);
  for (const std::string& place : {folder.path(), site.url() + "/log"}) {
    FsckOptions options{place, "secret", log.vkey_text()};
    auto result = FsckLog(options);
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_FALSE(result->ok());
    EXPECT_THAT(result->log.findings,
                ElementsAre(HasSubstr("tile/0/000: hash at byte 0"), "tile/entries/001.p/44: missing"));
    std::string text = RenderText(options, *result);
    EXPECT_THAT(text, HasSubstr("FOUND  tile/entries/001.p/44: missing\n"));
    EXPECT_TRUE(text.ends_with("FAILED\n"));
  }
}

TEST(AuditFsck, CompressedBundlesOfAFolderAreReadAndDamageNamesTheFile) {
  TestLog log = LargeLog();
  log.files["tile/entries/000.zst"] = wire::ZstdCompress(log.files["tile/entries/000"]);
  log.files.erase("tile/entries/000");
  io::TempFolder folder;
  WriteLog(log, folder.path());
  auto result = FsckLog({folder.path(), "", log.vkey_text()});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->records["request"], 300u);

  log.files["tile/entries/000.zst"].resize(50);
  WriteLog(log, folder.path());
  result = FsckLog({folder.path(), "", log.vkey_text()});
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_THAT(result->log.findings, ElementsAre(HasSubstr("tile/entries/000.zst: zstd: ")));
}

TEST(AuditFsck, EntryThatIsNoRecordIsFound) {
  std::vector<std::string> entries = SampleEntries();
  entries.push_back("nonsense");
  entries.push_back(" " + entries[0]);  // not canonical
  TestLog log(entries);
  io::TempFolder folder;
  WriteLog(log, folder.path());
  FsckOptions options{folder.path(), "", log.vkey_text()};
  auto result = FsckLog(options);
  ASSERT_TRUE(result.has_value());
  EXPECT_FALSE(result->ok());
  EXPECT_THAT(result->log.findings, IsEmpty());
  EXPECT_THAT(result->record_findings, ElementsAre(HasSubstr("entry 16: "), HasSubstr("entry 17: ")));
}

TEST(AuditFsck, ManyBadRecordsAreCountedAndAHundredShown) {
  TestLog log(150);
  io::TempFolder folder;
  WriteLog(log, folder.path());
  FsckOptions options{folder.path(), "", log.vkey_text()};
  auto result = FsckLog(options);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->bad_records, 150u);
  EXPECT_THAT(result->record_findings, SizeIs(kRecordFindingsMax));
  EXPECT_THAT(RenderText(options, *result), HasSubstr("FOUND  50 more entries that are no records\n"));
}

TEST(AuditFsck, RecordsOfANewerVersionAreNoFinding) {
  std::vector<std::string> entries = SampleEntries();
  size_t version = entries[0].find("\"v\":1");
  ASSERT_NE(version, std::string::npos) << entries[0];
  entries[0][version + 4] = '9';
  TestLog log(entries);
  io::TempFolder folder;
  WriteLog(log, folder.path());
  FsckOptions options{folder.path(), "", log.vkey_text()};
  auto result = FsckLog(options);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->ok());
  EXPECT_EQ(result->newer_records, 1u);
  EXPECT_THAT(RenderText(options, *result), HasSubstr("  unknown   1 (newer than this program)\n"));
}

TEST(AuditFsck, BadCallsAreErrors) {
  TestLog log(3);
  io::TempFolder folder;
  EXPECT_EQ(FsckLog({folder.path(), "", "nonsense"}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(FsckLog({folder / "none", "", log.vkey_text()}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(FsckLog({"http://127.0.0.1:1", "", log.vkey_text()}).error().code, ErrorCode::kUnavailable);
  auto empty = FsckLog({folder.path(), "", log.vkey_text()});
  ASSERT_TRUE(empty.has_value()) << empty.error().message;
  EXPECT_THAT(empty->log.findings, ElementsAre("checkpoint: missing"));
}

TEST(AuditFsck, EveryKeyOfTheLogWillDoAndTheReplacedOneAloneWillNot) {
  TestLog log(SampleEntries());
  const std::string old_vkey = log.vkey_text();
  ChangeKey(log, 8, {log.entries[4]});
  io::TempFolder folder;
  WriteLog(log, folder.path());
  for (const std::string& vkey : {old_vkey, log.vkey_text()}) {
    auto result = FsckLog({folder.path(), "", vkey});
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_TRUE(result->ok()) << RenderText({}, *result);
  }
  log.key = verify::testing::TestKey(7);  // the old one
  log.SignCheckpoint(log.entries.size(), log.Root());
  WriteLog(log, folder.path());
  for (const std::string& vkey :
       {old_vkey, verify::FormatVerifierKey(log.origin, verify::testing::TestKey(8)->public_key())})
    EXPECT_FALSE(FsckLog({folder.path(), "", vkey})->ok());
}

TEST(AuditFsck, AKeyProofThatIsNotOfThisLogIsFound) {
  TestLog log(SampleEntries());
  TestLog other(SampleEntries());
  ChangeKey(other, 9, {});
  log.entries.push_back(log.entries[4]);
  log.Write();
  log.files["keys/001.tlog-proof"] = other.files.at("keys/001.tlog-proof");
  io::TempFolder folder;
  WriteLog(log, folder.path());
  auto result = FsckLog({folder.path(), "", log.vkey_text()});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->key_findings, Contains(HasSubstr("keys/001.tlog-proof: names key")));
}

}  // namespace
}  // namespace beleg::audit
