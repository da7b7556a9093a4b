#include "audit/log_source.h"

#include <memory>

#include "audit/web_client.h"
#include "bundle/stored.h"
#include "io/file.h"

namespace beleg::audit {
namespace {

constexpr std::chrono::milliseconds kTimeout{30'000};

}  // namespace

Result<verify::TileSource> OpenLogSource(std::string_view place, std::string token) {
  if (place.starts_with("http://") || place.starts_with("https://")) {
    TRY_ASSIGN(auto opened, WebClient::Open(place, std::move(token), kTimeout));
    // std::function wants to be copied, so the client is shared by the copies.
    std::shared_ptr<WebClient> client = std::move(opened);
    return verify::TileSource([client](const std::string& path) -> Result<std::string> {
      TRY_ASSIGN(net::HttpResponse response, client->Get(path));
      return std::move(response.body);
    });
  }
  std::string folder(place);
  TRY_ASSIGN(bool there, io::PosixFileSystem().Exists(folder));
  if (!there) return Fail(ErrorCode::kInvalidArgument, "{}: no such folder", folder);
  // What a person names is the ledger's folder; the log's files are one below.
  TRY_ASSIGN(bool inside, io::PosixFileSystem().Exists(folder + "/public/checkpoint"));
  if (inside) folder += "/public";
  return verify::TileSource(
      [folder](const std::string& path) { return bundle::ReadLogFile(io::PosixFileSystem(), folder, path); });
}

}  // namespace beleg::audit
