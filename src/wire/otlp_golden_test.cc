// Against the official protobuf classes: tests/golden/otlp/ is written by tests/golden/otlp_peer.py.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/jcs.h"
#include "wire/otlp_json.h"

namespace beleg::wire::otlp {
namespace {

std::string Golden(const std::string& name) {
  auto path = std::filesystem::path(__FILE__).parent_path() / "../../tests/golden/otlp" / name;
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

class OtlpGolden : public testing::TestWithParam<const char*> {
 protected:
  std::string Bytes() const { return Golden(GetParam() + std::string(".bin")); }
  std::string JsonText() const { return Golden(GetParam() + std::string(".json")); }
  // The bytes without the fields that are skipped.
  std::string PlainBytes() const {
    std::string name = GetParam();
    return Golden(name.substr(0, name.find("_foreign")) + ".bin");
  }
};

TEST_P(OtlpGolden, BytesAreReadAndWrittenAsTheClassesWriteThem) {
  auto scopes = DecodeTraces(Bytes());
  ASSERT_TRUE(scopes) << scopes.error().message;
  EXPECT_EQ(EncodeTraces(*scopes), PlainBytes());
  size_t spans = 0;
  for (const auto& scope : *scopes) spans += scope.spans.size();
  EXPECT_EQ(*CountSpans(Bytes()), spans);
}

TEST_P(OtlpGolden, JsonIsReadToTheBytes) {
  auto bytes = TracesFromJson(JsonText());
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, PlainBytes());
}

TEST_P(OtlpGolden, JsonIsWrittenAsTheClassesWriteIt) {
  auto want = Json::Parse(JsonText());
  ASSERT_TRUE(want);
  EXPECT_EQ(Canonicalize(TracesToJson(*DecodeTraces(Bytes()))), Canonicalize(*want));
}

INSTANTIATE_TEST_SUITE_P(Files, OtlpGolden,
                         testing::Values("all_types", "random1", "random1_foreign", "random2", "random3",
                                         "random4"),
                         [](const auto& file) { return std::string(file.param); });

}  // namespace
}  // namespace beleg::wire::otlp
