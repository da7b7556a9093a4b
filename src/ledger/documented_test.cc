// Holds docs/formats/ledger.md and receipt.md to the code: each example is made here from values that stand in the page, and must be
// in the page as it comes out, character for character.
#include <algorithm>

#include "ledger/cursor.h"
#include "ledger/receipt.h"
#include "ledger/testing.h"
#include "ledger/wal_format.h"
#include "wire/sha256.h"

namespace beleg::ledger {
namespace {

constexpr char kOrigin[] = "example.org/log";

std::string Page(const std::string& name) {
  return io::ReadFile(io::PosixFileSystem(), BELEG_SOURCE_DIR "/docs/formats/" + name).value();
}

// That the page has this example between fences.
void ExpectDocumented(const std::string& page, const std::string& example) {
  EXPECT_NE(Page(page).find("```\n" + example + "```\n"), std::string::npos)
      << "docs/formats/" << page << " should have:\n```\n"
      << example << "```";
}

struct Field {
  size_t size;
  const char* what;
};

// The bytes in hex, a field a line, with what each is.
std::string Dump(std::string_view bytes, const std::vector<Field>& fields) {
  std::string out;
  for (const Field& field : fields) {
    out += fmt::format("{:<34}{}\n", HexEncode(bytes.substr(0, field.size)), field.what);
    bytes.remove_prefix(std::min(field.size, bytes.size()));
  }
  EXPECT_TRUE(bytes.empty()) << bytes.size() << " bytes are in no field";
  return out;
}

Hash32 Seed() {
  Hash32 seed;
  for (size_t i = 0; i < seed.size(); ++i) seed[i] = static_cast<uint8_t>(i);
  return seed;
}

std::unique_ptr<NoteSigner> Signer() { return NoteSigner::Make(kOrigin, Seed()).value(); }

template <class AnyId>
AnyId IdOf(std::string_view hex) {
  return AnyId::FromHex(hex).value();
}

const BootId kBoot = IdOf<BootId>("b000000000000000");
const std::vector<Field> kGroupHeader = {{4, "\"BGRP\""},    {4, "crc32c of the 32 bytes that follow"},
                                         {8, "number 3"},    {8, "first_leaf 40"},
                                         {4, "body_size"},   {4, "crc32c of the body"},
                                         {4, "frame_count"}, {4, "zero"}};

std::vector<Field> GroupWith(std::initializer_list<Field> body) {
  std::vector<Field> fields = kGroupHeader;
  fields.insert(fields.end(), body);
  return fields;
}

TEST(LedgerPage, TheSegmentHeaderStandsThere) {
  ExpectDocumented("ledger.md", Dump(EncodeSegmentHeader({.number = 7, .salt = 0x01020304}),
                                     {{8, "\"BELEGWAL\""},
                                      {4, "version 1"},
                                      {4, "salt 0x01020304"},
                                      {8, "number 7"},
                                      {4, "zero"},
                                      {4, "crc32c of the 28 bytes before, salt 0"}}));
}

TEST(LedgerPage, AGroupWithABeginStandsThere) {
  BeginFrame begin;
  begin.id.seq = 6;
  begin.id.boot_index = 17;
  begin.id.trace_id = IdOf<TraceId>("0af7651916cd43dd8448eb211c80319c");
  begin.id.parent_span_id = IdOf<SpanId>("b7ad6b7169203331");
  begin.id.operation = record::Operation::kTextCompletion;
  begin.id.caller = "team-a";
  begin.request_id = IdOf<RequestId>("8899aabbccddeeff0011223344556677");
  begin.start_us = 1'700'000'000'000'000;
  GroupBuilder group;
  group.AddBegin(kBoot, begin);
  ExpectDocumented("ledger.md", Dump(group.Finish(0x01020304, 3, 40), GroupWith({{1, "type 1: begin"},
                                                                                 {4, "size 86"},
                                                                                 {8, "boot"},
                                                                                 {8, "seq 6"},
                                                                                 {16, "request_id"},
                                                                                 {8, "start_us"},
                                                                                 {8, "boot_index 17"},
                                                                                 {16, "trace_id"},
                                                                                 {8, "parent_span_id"},
                                                                                 {8, "operation: text"},
                                                                                 {6, "caller \"team-a\""},
                                                                                 {5, "padding"}})));
}

TEST(LedgerPage, AGroupWithLeavesStandsThere) {
  GroupBuilder group;
  group.AddLeaf("a");
  group.AddEnd({kBoot, 6}, "b");
  ExpectDocumented("ledger.md", Dump(group.Finish(0x01020304, 3, 40), GroupWith({{1, "type 2: leaf"},
                                                                                 {4, "size 1"},
                                                                                 {1, "the leaf \"a\""},
                                                                                 {1, "type 3: end"},
                                                                                 {4, "size 17"},
                                                                                 {8, "boot"},
                                                                                 {8, "seq 6"},
                                                                                 {1, "the leaf \"b\""},
                                                                                 {4, "padding"}})));
}

TEST(LedgerPage, TheFilesOfThreeLeavesStandThere) {
  io::TempFolder folder;
  const std::string private_key = Signer()->PrivateKey() + "\n";
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder / "log"));
  auto key = io::PosixFileSystem().Open(folder / "log/key", io::OpenMode::kCreate, 0600).value();
  ASSERT_TRUE(key->WriteAt(0, private_key));
  LedgerOptions options = TestOptions(folder / "log");
  options.origin = kOrigin;
  auto ledger = OpenTestLedger(options);
  for (const char* leaf : {"a", "b", "c"}) ASSERT_TRUE(ledger->AppendAndWait(leaf));
  ASSERT_TRUE(ledger->CheckpointAtLeast(3, kLong));
  const auto file = [&ledger](const char* path) { return ledger->ReadResource(path).value().bytes; };
  const std::string tile = HexEncode(file("tile/0/000.p/3"));
  ExpectDocumented(
      "ledger.md",
      "$ cat key\n" + private_key + "$ cat public/checkpoint\n" + file("checkpoint") +
          "$ xxd -p public/tile/entries/000.p/3\n" +
          HexEncode(io::ReadFile(io::PosixFileSystem(), folder / "log/public/tile/entries/000.p/3").value()) +
          "\n$ xxd -p -c 32 public/tile/0/000.p/3\n" + tile.substr(0, 64) + "\n" + tile.substr(64, 64) +
          "\n" + tile.substr(128) + "\n");
  ExpectDocumented("ledger.md", ledger->Proof(1).value());
}

TEST(LedgerPage, ACursorStandsThere) {
  io::TempFolder folder;
  ASSERT_TRUE(io::PosixFileSystem().MakeFolders(folder / "cursors"));
  ASSERT_TRUE(Cursor::Open(io::PosixFileSystem(), folder.path(), "otlp").value()->Advance(42));
  ExpectDocumented("ledger.md", io::ReadFile(io::PosixFileSystem(), folder / "cursors/otlp").value());
}

std::string BeginBody() {
  return EncodeReceiptBody(BeginReceiptBody{.origin = kOrigin,
                                            .boot = IdOf<BootId>("0011223344556677"),
                                            .seq = 7,
                                            .trace_id = IdOf<TraceId>("0af7651916cd43dd8448eb211c80319c"),
                                            .request_id = IdOf<RequestId>("8899aabbccddeeff0011223344556677"),
                                            .time_us = 1'700'000'000'000'000,
                                            .resolved_by_us = 1'700'000'600'000'000});
}

std::string FinishBody() {
  return EncodeReceiptBody(
      FinishReceiptBody{.origin = kOrigin,
                        .index = 42,
                        .leaf_hash = wire::MerkleLeafHash("a"),
                        .request_id = IdOf<RequestId>("8899aabbccddeeff0011223344556677")});
}

TEST(ReceiptPage, BodiesAndReceiptsStandThere) {
  auto signer = Signer();
  EXPECT_NE(Page("receipt.md").find("`" + signer->vkey() + "`"), std::string::npos) << signer->vkey();
  ExpectDocumented("receipt.md", BeginBody() + "\n" + FinishBody() + "\n");
  ExpectDocumented("receipt.md", SignReceipts(*signer, {BeginBody()})[0] + "\n");
  const std::vector<std::string> two = SignReceipts(*signer, {BeginBody(), FinishBody()});
  ExpectDocumented("receipt.md", two[0] + "\n" + AppendSecret(two[1], Seed()) + "\n");
}

TEST(ReceiptPage, TheSignedTextStandsThere) {
  const Hash32 root =
      wire::MerkleNodeHash(wire::MerkleLeafHash(BeginBody()), wire::MerkleLeafHash(FinishBody()));
  ExpectDocumented("receipt.md", fmt::format("{}/receipts/v1\n2\n{}\n", kOrigin, Base64Encode(AsView(root))));
}

}  // namespace
}  // namespace beleg::ledger
