#include "query/page.h"

#include <string>

#include <gtest/gtest.h>

#include "wire/compress.h"

namespace beleg::query {
namespace {

net::HttpResponse Get(std::string target, net::HttpHeaders headers = {}) {
  net::HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  request.headers = std::move(headers);
  return PageAnswer(request);
}

// The first address of a script in the page.
std::string ScriptPath() {
  const std::string html = Get("/").body;
  const size_t at = html.find("/assets/");
  EXPECT_NE(at, std::string::npos) << html;
  return html.substr(at, html.find('"', at) - at);
}

TEST(Page, RootIsTheHtmlAskedAnewEachTime) {
  net::HttpResponse answer = Get("/");
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body.starts_with("<!doctype html>")) << answer.body;
  EXPECT_EQ(answer.headers.Get("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(answer.headers.Get("cache-control"), "no-cache");
  EXPECT_FALSE(answer.headers.Get("content-encoding"));
}

TEST(Page, NothingFromElsewhereMayRunInIt) {
  net::HttpResponse answer = Get("/");
  EXPECT_TRUE(answer.headers.Get("content-security-policy")->starts_with("default-src 'self'"));
  EXPECT_EQ(answer.headers.Get("x-content-type-options"), "nosniff");
  EXPECT_EQ(answer.body.find("<style"), std::string::npos);
  EXPECT_EQ(answer.body.find("style="), std::string::npos);
}

TEST(Page, AssetsAreKeptForEver) {
  net::HttpResponse answer = Get(ScriptPath());
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.Get("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(answer.headers.Get("cache-control"), "public, max-age=31536000, immutable");
}

TEST(Page, LicencesOfWhatIsBundledAreGiven) {
  net::HttpResponse answer = Get("/licences.txt");
  EXPECT_EQ(answer.headers.Get("content-type"), "text/plain; charset=utf-8");
  for (const std::string_view name : {"uplot", "svelte", "MIT"}) {
    EXPECT_NE(answer.body.find(name), std::string::npos) << name;
  }
}

TEST(Page, CodingIsTheOneThatTheBrowserTakes) {
  const std::string path = ScriptPath(), plain = Get(path).body;
  net::HttpResponse br = Get(path, {{"accept-encoding", "gzip, deflate, br, zstd"}});
  EXPECT_EQ(br.headers.Get("content-encoding"), "br");
  EXPECT_EQ(br.headers.Get("vary"), "Accept-Encoding");
  EXPECT_LT(br.body.size(), plain.size() / 2);
  net::HttpResponse gzip = Get(path, {{"accept-encoding", "gzip"}});
  EXPECT_EQ(gzip.headers.Get("content-encoding"), "gzip");
  EXPECT_EQ(*wire::GzipDecompress(gzip.body, 1 << 20), plain);
  EXPECT_FALSE(Get(path, {{"accept-encoding", "br;q=0, gzip;q=0"}}).headers.Get("content-encoding"));
}

TEST(Page, KnownFileIsNotSentAgain) {
  const std::string etag(*Get("/").headers.Get("etag"));
  net::HttpResponse answer = Get("/", {{"if-none-match", etag}});
  EXPECT_EQ(answer.status, 304);
  EXPECT_EQ(answer.body, "");
  EXPECT_EQ(Get("/", {{"if-none-match", "\"other\""}}).status, 200);
}

TEST(Page, OtherPathsAreNotItsOwn) {
  EXPECT_TRUE(IsPagePath("/"));
  EXPECT_TRUE(IsPagePath("/assets/x.js"));
  EXPECT_TRUE(IsPagePath("/licences.txt"));
  EXPECT_FALSE(IsPagePath("/api/records"));
  EXPECT_FALSE(IsPagePath("/index"));
  EXPECT_EQ(Get("/assets/nothing.js").status, 404);
  EXPECT_EQ(Get("/assets/../index.html").status, 404);
  EXPECT_EQ(Get("/favicon.svg").headers.Get("content-type"), "image/svg+xml");
}

}  // namespace
}  // namespace beleg::query
