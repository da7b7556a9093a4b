#include "query/page.h"

#include <cstdint>
#include <span>

#include "base/check.h"
#include "query/answers.h"
#include "wire/compress.h"

namespace beleg::query {
namespace {

// What web/build.mjs writes for each file, in this order: three NUL-ended texts, then two packed forms.
struct PageFile {
  const char* path;
  const char* type;
  const char* etag;  // in quotes
  const char* br;
  uint64_t br_bytes;
  const char* gzip;
  uint64_t gzip_bytes;
};

extern "C" const PageFile kBelegPageFiles[];
extern "C" const uint64_t kBelegPageFilesCount;

constexpr std::string_view kAssets = "/assets/";
constexpr size_t kFileBytesMax = 16 << 20;
// Nothing from elsewhere, no inline script or style, no frame of another site around it.
constexpr std::string_view kContentSecurityPolicy =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PageFile* FindFile(std::string_view path) {
  if (path == "/") path = "/index.html";
  for (const PageFile& file : std::span(kBelegPageFiles, kBelegPageFilesCount)) {
    if (path == file.path) return &file;
  }
  return nullptr;
}

void SetBody(const PageFile& file, const net::HttpHeaders& asked, net::HttpResponse& out) {
  // A coding with a quality ("br;q=0.5") is not taken: browsers send none, and plain is never wrong.
  if (asked.HasToken("accept-encoding", "br")) {
    out.headers.Set("content-encoding", "br");
    out.body.assign(file.br, file.br_bytes);
    return;
  }
  out.body.assign(file.gzip, file.gzip_bytes);
  if (asked.HasToken("accept-encoding", "gzip")) {
    out.headers.Set("content-encoding", "gzip");
    return;
  }
  auto plain = wire::GzipDecompress(out.body, kFileBytesMax);
  CHECK(plain.has_value(), "a file of the page was packed wrongly");
  out.body = *std::move(plain);
}

}  // namespace

bool IsPagePath(std::string_view path) {
  return path == "/" || path == "/favicon.svg" || path == "/licences.txt" || path.starts_with(kAssets);
}

net::HttpResponse PageAnswer(const net::HttpRequest& request) {
  const std::string_view path = request.path();
  const PageFile* file = FindFile(path);
  if (file == nullptr) return ErrorAnswer({ErrorCode::kNotFound, fmt::format("no path {}", path)});
  net::HttpResponse out = net::MakeResponse(200, file->type, "");
  out.headers.Set("etag", file->etag);
  out.headers.Set("vary", "Accept-Encoding");
  out.headers.Set("cache-control",
                  path.starts_with(kAssets) ? "public, max-age=31536000, immutable" : "no-cache");
  out.headers.Set("content-security-policy", std::string(kContentSecurityPolicy));
  out.headers.Set("x-content-type-options", "nosniff");
  out.headers.Set("referrer-policy", "no-referrer");
  if (request.headers.HasToken("if-none-match", file->etag)) {
    out.status = 304;
    return out;
  }
  SetBody(*file, request.headers, out);
  return out;
}

}  // namespace beleg::query
