#include "wire/yaml.h"

#include <gtest/gtest.h>

namespace beleg::wire {
namespace {

Yaml Read(std::string_view text) {
  auto out = Yaml::Parse(text, "f.yaml");
  EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message);
  return out.value_or(Yaml{});
}

std::string ErrorOf(std::string_view text) {
  auto out = Yaml::Parse(text, "f.yaml");
  EXPECT_FALSE(out.has_value());
  return out ? "" : out.error().message;
}

TEST(Yaml, ValuesKnowWhereTheyStand) {
  Yaml root = Read("a:\n  b: 1\n  c: [x, \"2\"]\n");
  const Yaml* a = root.Find("a");
  ASSERT_NE(a, nullptr);
  ASSERT_EQ(a->members.size(), 2u);
  EXPECT_EQ(a->members[0].mark.line, 2);
  EXPECT_EQ(a->members[0].mark.column, 3);
  EXPECT_EQ(a->members[0].value.mark.column, 6);
  EXPECT_EQ(std::get<int64_t>(a->Find("b")->Scalar()), 1);
  EXPECT_EQ(std::get<std::string>(a->Find("c")->items[1].Scalar()), "2");
}

TEST(Yaml, ScalarsHaveTheTypesOfGoYaml) {
  auto scalar = [](std::string_view text) { return Read(fmt::format("a: {}", text)).Find("a")->Scalar(); };
  EXPECT_EQ(std::get<int64_t>(scalar("0123")), 83);
  EXPECT_EQ(std::get<int64_t>(scalar("0x1f")), 31);
  EXPECT_EQ(std::get<int64_t>(scalar("-9223372036854775808")), INT64_MIN);
  EXPECT_EQ(std::get<double>(scalar("1.5e3")), 1500);
  EXPECT_EQ(std::get<bool>(scalar("true")), true);
  EXPECT_EQ(std::get<std::string>(scalar("yes")), "yes");
  EXPECT_EQ(std::get<std::string>(scalar("5s")), "5s");
  EXPECT_EQ(std::get<std::string>(scalar("1.2.3.4")), "1.2.3.4");
  EXPECT_EQ(scalar("~").index(), 0u);
  EXPECT_TRUE(Read("a:").Find("a")->is_null());
}

TEST(Yaml, MergeKeysGiveWhatIsNotWritten) {
  Yaml root = Read("base: &b {x: 1, y: 2}\nmore: &m {y: 3, z: 4}\nc:\n  <<: [*b, *m]\n  x: 9\n");
  const Yaml* c = root.Find("c");
  EXPECT_EQ(c->Find("x")->text, "9");
  EXPECT_EQ(c->Find("y")->text, "2");
  EXPECT_EQ(c->Find("z")->text, "4");
}

TEST(Yaml, ASecondKeyOfTheSameNameIsRefusedWithBothPlaces) {
  EXPECT_EQ(ErrorOf("batch:\n  timeout: 1s\n  size: 2\n  timeout: 2s\n"),
            "f.yaml:4:3: mapping key \"timeout\" already defined at line 2");
}

TEST(Yaml, ASyntaxErrorNamesItsLine) { EXPECT_TRUE(ErrorOf("a: [1, 2\nb: 3\n").starts_with("f.yaml:2:")); }

TEST(Yaml, DepthAndAliasesThatMultiplyAreBounded) {
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += '[';
  for (int i = 0; i < 100; ++i) deep += ']';
  EXPECT_NE(ErrorOf(deep).find("deeper"), std::string::npos);
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i)
    laughs += fmt::format("a{0}: &a{0} [*a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}, *a{1}]\n", i, i - 1);
  EXPECT_NE(ErrorOf(laughs).find("more than"), std::string::npos);
}

TEST(Yaml, AnAliasInsideItsOwnAnchorEnds) { EXPECT_FALSE(Yaml::Parse("a: &a [*a]\n", "f").has_value()); }

TEST(Yaml, DumpReadsBackTheSame) {
  Yaml root = Read("a: {b: \"1\", c: [x, {d: null}], e: {}, f: []}\ng: 'say \"hi\"'\nh: 1.5\n");
  std::string text = root.Dump();
  EXPECT_EQ(Read(text).Dump(), text);
  EXPECT_NE(text.find("b: \"1\""), std::string::npos) << text;
}

}  // namespace
}  // namespace beleg::wire
