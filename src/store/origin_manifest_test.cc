#include "store/origin_manifest.h"

#include <gtest/gtest.h>

#include "verify/testing.h"

namespace beleg::store {
namespace {

using Kind = LedgerFinding::Kind;

constexpr int64_t kDay = int64_t{86'400} * 1'000'000;
constexpr int64_t kOpened = 20'000 * kDay;  // 2024-10-04

std::string Vkey(std::string_view name, uint8_t fill = 7) {
  return verify::FormatVerifierKey(name, verify::testing::TestKey(fill)->public_key());
}
std::string Entry(std::string_view name, std::string_view closed = "") {
  return fmt::format(R"({{"vkey":"{}","opened":"2024-10-04"{}}})", Vkey(name),
                     closed.empty() ? "" : fmt::format(R"(,"closed":"{}")", closed));
}
OriginManifest Manifest(const std::string& entries) {
  auto out = OriginManifest::Parse(R"({"origins":[)" + entries + "]}");
  EXPECT_TRUE(out) << out.error().message;
  return *out;
}
MirrorState State(std::string_view origin, int64_t grew_unix_us = kOpened + kDay) {
  MirrorState out;
  out.origin = origin, out.vkey = Vkey(origin), out.size = 5, out.grew_unix_us = grew_unix_us;
  return out;
}
std::vector<std::string> Kinds(const OriginManifest* manifest, const std::vector<MirrorState>& states,
                               int64_t now = kOpened + kDay) {
  std::vector<std::string> out;
  for (const LedgerFinding& finding : FindingsOf(manifest, states, now))
    out.push_back(fmt::format("{} {}", NameOf(finding.kind), finding.origin));
  return out;
}
using Names = std::vector<std::string>;

TEST(OriginManifest, LogsThatMatchItAreNoFinding) {
  const OriginManifest manifest = Manifest(Entry("a") + "," + Entry("b"));
  EXPECT_EQ(Kinds(&manifest, {State("a"), State("b")}), Names{});
  EXPECT_EQ(manifest.origins().at("a").opened_unix_us, kOpened);
}

TEST(OriginManifest, UnknownMissingAndSilentLogsAreFindings) {
  const OriginManifest manifest = Manifest(Entry("a") + "," + Entry("b"));
  MirrorState silent = State("a");
  silent.silent = true;
  EXPECT_EQ(Kinds(&manifest, {silent, State("c")}), (Names{"silent a", "unknown c", "not_mirrored b"}));
}

TEST(OriginManifest, OtherKeyIsAFinding) {
  const OriginManifest manifest = Manifest(Entry("a"));
  MirrorState state = State("a");
  state.vkey = Vkey("a", 9);
  EXPECT_EQ(Kinds(&manifest, {state}), Names{"other_key a"});
}

TEST(OriginManifest, ClosedLogMayBeSilentAndMayNotGrow) {
  const OriginManifest manifest = Manifest(Entry("a", "2024-10-06"));
  MirrorState state = State("a", kOpened + 3 * kDay - 1);
  state.silent = true;
  EXPECT_EQ(Kinds(&manifest, {state}, kOpened + 3 * kDay), Names{});
  EXPECT_EQ(Kinds(&manifest, {}, kOpened + 3 * kDay), Names{});
  EXPECT_EQ(Kinds(&manifest, {state}, kOpened + 3 * kDay - 1), Names{"silent a"})
      << "its last day is not over";
  state.grew_unix_us = kOpened + 3 * kDay;
  EXPECT_EQ(Kinds(&manifest, {state}, kOpened + 4 * kDay), Names{"closed a"});
}

TEST(OriginManifest, WithoutOneSilenceAndRewritesAreStillFindings) {
  MirrorState state = State("a");
  EXPECT_EQ(Kinds(nullptr, {state}), Names{});
  state.silent = state.diverged = true;
  EXPECT_EQ(Kinds(nullptr, {state}), (Names{"rewritten a", "silent a"}));
}

TEST(OriginManifest, WrongOnesNameTheMember) {
  for (const std::string& entry :
       {std::string("1"), std::string("{}"), Entry("a") + "," + Entry("a"), Entry("a", "2024-13-01"),
        Entry("a", "2024-02-30"), Entry("a", "tomorrow"),
        std::string(R"({"vkey":"x","opened":"2024-10-04"})"),
        std::string(R"({"vkey":")") + Vkey("a") + R"(","opened":"2024-10-04","colour":"red"})"}) {
    auto manifest = OriginManifest::Parse(R"({"origins":[)" + entry + "]}");
    ASSERT_FALSE(manifest) << entry;
    EXPECT_EQ(manifest.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(manifest.error().message.find("origins["), std::string::npos) << manifest.error().message;
  }
  EXPECT_EQ(OriginManifest::Parse("{}").error().code, ErrorCode::kInvalidArgument);
}

TEST(OriginManifest, ItsChangesLeadFromOneToTheOther) {
  const OriginManifest before = Manifest(Entry("a") + "," + Entry("b") + "," + Entry("c", "2026-01-31"));
  const OriginManifest after =
      Manifest(Entry("b", "2027-05-31") + "," + Entry("c") + "," + Entry("d", "2027-05-31"));
  OriginManifest way = before;
  for (const record::Config& change : ChangesOf(before, after)) {
    EXPECT_TRUE(IsManifestChange(change));
    ASSERT_TRUE(way.Apply(change));
  }
  EXPECT_TRUE(way == after);
  EXPECT_TRUE(*OriginManifest::Parse(JsonOf(after).Dump()) == after);
}

TEST(OriginManifest, AChangeThatSaysNoLogIsRefusedAndChangesNothing) {
  OriginManifest manifest = Manifest(Entry("a"));
  const OriginManifest before = manifest;
  using Settings = std::map<std::string, std::string>;
  for (const Settings& settings : {Settings{{"manifest_change", "removed"}},
                                   Settings{{"manifest_change", "opened"}, {"manifest_origin", "b"}},
                                   Settings{{"manifest_change", "opened"},
                                            {"manifest_origin", "b"},
                                            {"manifest_vkey", Vkey("b")},
                                            {"manifest_opened", "soon"}}})
    EXPECT_EQ(manifest.Apply({settings}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_TRUE(manifest == before);
  EXPECT_FALSE(IsManifestChange({{{"manifest", "set"}}}));
}

}  // namespace
}  // namespace beleg::store
