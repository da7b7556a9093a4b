#include "audit/web_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/testing.h"

namespace beleg::audit {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using wire::Json;

constexpr std::chrono::milliseconds kTimeout{10'000};

std::unique_ptr<WebClient> Open(const std::string& url, std::string token = "") {
  auto client = WebClient::Open(url, std::move(token), kTimeout);
  EXPECT_TRUE(client.has_value()) << client.error().message;
  return std::move(*client);
}

TEST(WebClient, PathsGoBehindTheBase) {
  FakeSite site;
  site.OnText("GET /a", "root");
  site.OnText("GET /v1/a", "below");
  for (const auto& [base, body] : {std::pair("", "root"), std::pair("/", "root"), std::pair("/v1", "below"),
                                   std::pair("/v1//", "below")}) {
    auto client = Open(site.url() + base);
    auto response = client->Get("a");
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->body, body);
  }
}

TEST(WebClient, TokenIsSentAsBearer) {
  FakeSite site;
  site.OnText("GET /a", "x");
  site.OnText("POST /a", "x");
  EXPECT_TRUE(Open(site.url(), "secret")->Get("a").has_value());
  EXPECT_EQ(net::BearerToken(site.Last("GET /a").headers), "secret");
  EXPECT_TRUE(Open(site.url())->Post("a", "text/plain", "body").has_value());
  EXPECT_EQ(net::BearerToken(site.Last("POST /a").headers), std::nullopt);
  EXPECT_EQ(site.Last("POST /a").body, "body");
}

TEST(WebClient, StatusBecomesAnErrorThatQuotesTheAnswer) {
  FakeSite site;
  auto client = Open(site.url());
  for (auto [status, code] :
       {std::pair(400, ErrorCode::kInvalidArgument), std::pair(401, ErrorCode::kUnauthenticated),
        std::pair(403, ErrorCode::kPermissionDenied), std::pair(404, ErrorCode::kNotFound),
        std::pair(410, ErrorCode::kNotFound), std::pair(302, ErrorCode::kInvalidArgument),
        std::pair(429, ErrorCode::kUnavailable), std::pair(500, ErrorCode::kUnavailable),
        std::pair(503, ErrorCode::kUnavailable)}) {
    site.OnText("GET /a", "two\nlines \x1b[2J\n", status);
    auto response = client->Get("a");
    ASSERT_FALSE(response.has_value());
    EXPECT_EQ(response.error().code, code) << status;
    EXPECT_THAT(response.error().message,
                HasSubstr(fmt::format("GET {}/a: HTTP {} two lines", site.url(), status)));
    EXPECT_THAT(response.error().message, Not(HasSubstr("\x1b")));
  }
  site.OnText("GET /a", std::string(5000, 'x'), 500);
  EXPECT_LT(client->Get("a").error().message.size(), 400u);
}

TEST(WebClient, JsonIsParsed) {
  FakeSite site;
  site.OnText("GET /good", "{\"a\":1}");
  site.OnText("GET /bad", "{\"a\":");
  auto client = Open(site.url());
  EXPECT_EQ(client->GetJson("good")->Find("a")->as_int(), 1);
  EXPECT_EQ(client->GetJson("bad").error().code, ErrorCode::kDataLoss);
}

TEST(WebClient, BadUrlsAreRefused) {
  for (const char* url : {"", "nonsense", "ftp://host/", "http://host/?q=1"})
    EXPECT_EQ(WebClient::Open(url, "", kTimeout).error().code, ErrorCode::kInvalidArgument) << url;
}

TEST(PercentEncode, LeavesTheUnreservedAlone) {
  EXPECT_EQ(PercentEncode("chatcmpl-0aZ_.~"), "chatcmpl-0aZ_.~");
  EXPECT_EQ(PercentEncode("a b/c?d&e=\xC3\xA9%"), "a%20b%2Fc%3Fd%26e%3D%C3%A9%25");
}

TEST(JsonAt, FollowsMembersAndIndexes) {
  Json json = *Json::Parse(R"({"a":{"b":[{"c":"x"},{"c":7}]},"n":null})");
  EXPECT_EQ(*StringAt(json, "a.b.0.c"), "x");
  EXPECT_EQ(*IntAt(json, "a.b.1.c"), 7);
  EXPECT_TRUE((*JsonAt(json, "n"))->is_null());
}

TEST(JsonAt, NamesWhatIsMissingOrWrong) {
  Json json = *Json::Parse(R"({"a":{"b":[{"c":"x"}]},"n":null})");
  EXPECT_EQ(JsonAt(json, "a.b.1.c").error().message, "a.b.1: missing");
  EXPECT_EQ(JsonAt(json, "a.b.x").error().message, "a.b.x: missing");
  EXPECT_EQ(JsonAt(json, "n.x").error().message, "n.x: missing");
  EXPECT_EQ(IntAt(json, "a.b.0.c").error().message, "a.b.0.c: is string, want a whole number");
  EXPECT_EQ(StringAt(json, "n").error().message, "n: is null, want a string");
  EXPECT_EQ(StringAt(json, "n").error().code, ErrorCode::kDataLoss);
}

}  // namespace
}  // namespace beleg::audit
