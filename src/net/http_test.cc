#include "net/http.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace beleg::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

HttpRequest To(std::string target) {
  HttpRequest request;
  request.target = std::move(target);
  return request;
}

TEST(HttpHeaders, NamesCompareWithoutCase) {
  HttpHeaders headers{{"Host", "a"}, {"X", "1"}, {"x", "2"}, {"connection", "keep-alive , Upgrade"}};
  EXPECT_EQ(headers.Get("hOST"), "a");
  EXPECT_EQ(headers.Get("x"), "1");
  EXPECT_EQ(headers.Get("y"), std::nullopt);
  EXPECT_TRUE(headers.HasToken("Connection", "upgrade"));
  EXPECT_FALSE(headers.HasToken("Connection", "grade"));
  headers.Set("X", "3");
  EXPECT_EQ(headers.fields().size(), 3u);
  EXPECT_EQ(headers.Get("x"), "3");
}

TEST(HttpRequest, PathAndQueryAreTakenApart) {
  EXPECT_EQ(To("/a%20b?x=1").path(), "/a%20b");
  EXPECT_EQ(To("/a").path(), "/a");
  EXPECT_THAT(
      *To("/a?x=1&y=a%20b+c%26&&empty&z==&x=2").Query(),
      ElementsAre(Pair("x", "1"), Pair("y", "a b c&"), Pair("empty", ""), Pair("z", "="), Pair("x", "2")));
  EXPECT_THAT(*To("/a").Query(), ElementsAre());
  for (const char* bad : {"/?a=%", "/?a=%2", "/?a=%zz", "/?%=1"}) {
    EXPECT_EQ(To(bad).Query().error().code, ErrorCode::kInvalidArgument) << bad;
  }
}

TEST(HttpHeaders, BearerTokenIsFound) {
  EXPECT_EQ(BearerToken({{"Authorization", "Bearer abc"}}), "abc");
  EXPECT_EQ(BearerToken({{"authorization", "bearer  abc "}}), "abc");
  EXPECT_EQ(BearerToken({{"authorization", "Basic abc"}}), std::nullopt);
  EXPECT_EQ(BearerToken({{"authorization", "Bearer "}}), std::nullopt);
  EXPECT_EQ(BearerToken({{"authorization", "Bearerabc"}}), std::nullopt);
  EXPECT_EQ(BearerToken({}), std::nullopt);
}

TEST(EqualSecret, ComparesWhole) {
  EXPECT_TRUE(EqualSecret("abc", "abc"));
  EXPECT_TRUE(EqualSecret("", ""));
  EXPECT_FALSE(EqualSecret("abc", "abd"));
  EXPECT_FALSE(EqualSecret("abc", "ab"));
}

TEST(ParseUrl, TakesUrlsApart) {
  auto plain = ParseUrl("http://a.b-c_1:8000/p/q?x=1");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "a.b-c_1");
  EXPECT_EQ(plain->port, 8000);
  EXPECT_EQ(plain->target, "/p/q?x=1");
  auto secure = ParseUrl("HTTPS://[::1]");
  ASSERT_TRUE(secure);
  EXPECT_TRUE(secure->tls);
  EXPECT_EQ(secure->host, "::1");
  EXPECT_EQ(secure->port, 443);
  EXPECT_EQ(secure->target, "/");
  EXPECT_EQ(ParseUrl("http://a?x=1")->target, "/?x=1");
  EXPECT_EQ(ParseUrl("http://a")->port, 80);
}

TEST(ParseUrl, SaysWhatIsWrong) {
  for (const char* bad : {"", "a:80", "ftp://a", "http://", "http://:80", "http://a:", "http://a:0",
                          "http://a:65536", "http://a:-1", "http://a b/", "http://a/b c", "http://a/#f",
                          "http://[::1", "http://[::1]x", "http://[]", "http://[g]", "http://a:8:0/"}) {
    auto url = ParseUrl(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument) << bad;
  }
  EXPECT_THAT(ParseUrl("http://user:hunter2@a/").error().message, Not(HasSubstr("hunter2")));
}

TEST(ParseEndpoint, TakesHostAndPort) {
  EXPECT_EQ(ParseEndpoint("127.0.0.1:8000")->host, "127.0.0.1");
  EXPECT_EQ(ParseEndpoint("127.0.0.1:8000")->port, 8000);
  EXPECT_EQ(ParseEndpoint("[::1]:0")->host, "::1");
  EXPECT_EQ(ParseEndpoint(":8000")->host, "");
  for (const char* bad : {"", "a", "a:", "a:b", "a:65536", "::1:80", "[::1]", "a b:1"}) {
    EXPECT_EQ(ParseEndpoint(bad).error().code, ErrorCode::kInvalidArgument) << bad;
  }
}

}  // namespace
}  // namespace beleg::net
