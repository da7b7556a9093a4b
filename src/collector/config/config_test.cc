#include "collector/config/config.h"

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include "collector/components.h"
#include "collector/config/duration.h"

namespace beleg::collector {
namespace {

// A file of testdata: "# env: NAME=value" sets, "# want: …" is a line that LoadConfig must report, and no other.
struct Case {
  std::string text;
  std::map<std::string, std::string, std::less<>> environment;
  std::string want;
};

Case ReadCase(const std::filesystem::path& path) {
  Case out;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    out.text += line + "\n";
    if (line.starts_with("# want: "))
      out.want += path.filename().string() + ":" + (line[8] == 'e' ? " " : "") + line.substr(8) + "\n";
    if (line.starts_with("# env: "))
      out.environment[line.substr(7, line.find('=') - 7)] = line.substr(line.find('=') + 1);
  }
  return out;
}

std::vector<std::filesystem::path> Files(std::string_view folder) {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator(
           std::filesystem::path(BELEG_SOURCE_DIR "/src/collector/testdata") / folder))
    out.push_back(entry.path());
  return out;
}

Environment Of(std::map<std::string, std::string, std::less<>> variables) {
  return [variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

class ConfigFile : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(ConfigFile, IsReportedAsItSays) {
  Case each = ReadCase(GetParam());
  std::string name = GetParam().filename();
  Problems problems;
  auto config = LoadConfig(each.text, name, Of(each.environment), problems);
  EXPECT_EQ(problems.Format(name), each.want);
  EXPECT_EQ(config.has_value(), GetParam().parent_path().filename() == "valid");
}

std::string NameOf(const testing::TestParamInfo<std::filesystem::path>& info) {
  return info.param.stem().string();
}
INSTANTIATE_TEST_SUITE_P(Valid, ConfigFile, testing::ValuesIn(Files("valid")), NameOf);
INSTANTIATE_TEST_SUITE_P(Wrong, ConfigFile, testing::ValuesIn(Files("wrong")), NameOf);

// The value of `v` in "v: TEXT" after expansion, and its type; problems as text where there are some.
std::string Expanded(std::string_view text, std::map<std::string, std::string, std::less<>> variables) {
  auto root = wire::Yaml::Parse(fmt::format("v: {}\n", text), "f");
  EXPECT_TRUE(root.has_value()) << text;
  Problems problems;
  ExpandEnvironment(*root, Of(std::move(variables)), problems);
  if (problems.has_errors()) return problems.Format("f");
  return fmt::format("{} {}", root->members[0].value.type_name(), root->members[0].value.text);
}

TEST(ConfigEnvironment, AWholeValueTakesTheVariablesType) {
  EXPECT_EQ(Expanded("${env:A}", {{"A", "aval"}}), "string aval");
  EXPECT_EQ(Expanded("${A}", {{"A", "aval"}}), "string aval");
  EXPECT_EQ(Expanded("\"${env:N}\"", {{"N", "123"}}), "int 123");
  EXPECT_EQ(Expanded("${env:N}", {{"N", "true"}}), "bool true");
  EXPECT_EQ(Expanded("${env:N}", {{"N", "yes"}}), "string yes");
  EXPECT_EQ(Expanded("x${env:N}", {{"N", "123"}}), "string x123");
  EXPECT_EQ(Expanded("${env:L}", {{"L", "[a, b]"}}), "list ");
}

TEST(ConfigEnvironment, DefaultsAreForUnsetVariablesAlone) {
  EXPECT_EQ(Expanded("${env:U:-dflt}", {}), "string dflt");
  EXPECT_EQ(Expanded("${U:-dflt}", {}), "string dflt");
  EXPECT_EQ(Expanded("${env:U:-http://h:1/p}", {}), "string http://h:1/p");
  EXPECT_EQ(Expanded("${env:E:-dflt}", {{"E", ""}}), "null ");
  EXPECT_EQ(Expanded("a${env:E:-dflt}b", {{"E", ""}}), "string ab");
}

TEST(ConfigEnvironment, NamesNestAndDollarsEscape) {
  EXPECT_EQ(Expanded("${env:${env:NAME}}", {{"NAME", "A"}, {"A", "aval"}}), "string aval");
  EXPECT_EQ(Expanded("$$HOME", {}), "string $HOME");
  EXPECT_EQ(Expanded("$$$$", {}), "string $$");
  EXPECT_EQ(Expanded("$${env:A}", {}), "string ${env:A}");
  EXPECT_EQ(Expanded("cost$5 $A $", {{"A", "x"}}), "string cost$5 $A $");
}

TEST(ConfigEnvironment, WhatCannotBeExpandedIsNamed) {
  EXPECT_NE(Expanded("${env:U}", {}).find("\"U\" is not set"), std::string::npos);
  EXPECT_NE(Expanded("pre-${env:U}-post", {}).find("f:1:4: error: v: environment variable \"U\""),
            std::string::npos);
  EXPECT_NE(Expanded("${vault:foo}", {}).find("scheme \"vault\" is not supported"), std::string::npos);
  EXPECT_NE(Expanded("${env:NO-SUCH}", {}).find("has invalid name"), std::string::npos);
  EXPECT_NE(Expanded("\"${env:U:?must be set}\"", {}).find("has invalid name"), std::string::npos);
}

TEST(ConfigDuration, GoesForms) {
  EXPECT_EQ(ParseDuration("1h30m")->count(), 5'400'000'000);
  EXPECT_EQ(ParseDuration("1.5s")->count(), 1'500'000);
  EXPECT_EQ(ParseDuration("200ms")->count(), 200'000);
  EXPECT_EQ(ParseDuration("0")->count(), 0);
  for (std::string_view wrong : {"", "5", "s", "-1s", "5 s", "1s2", "99999999h", "1e3s"})
    EXPECT_FALSE(ParseDuration(wrong)) << wrong;
  for (std::string_view text : {"0s", "200ms", "5s", "1m30s", "1h30m0s", "1.5s"})
    EXPECT_EQ(FormatDuration(*ParseDuration(text)), text);
}

TEST(ConfigComponents, EveryDefaultIsOfItsType) {
  for (const Component& each : Components()) {
    Problems problems;
    Settings::Read(each.table, wire::Yaml{}, each.type, problems);
    EXPECT_EQ(problems.Format("default"), "") << each.type;
  }
}

TEST(ConfigComponents, TheDocumentHasEverySetting) {
  std::ifstream file(BELEG_SOURCE_DIR "/docs/collector.md");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_NE(text.str().find(DescribeSettings()), std::string::npos) << "put this into docs/collector.md:\n"
                                                                    << DescribeSettings();
}

}  // namespace
}  // namespace beleg::collector
