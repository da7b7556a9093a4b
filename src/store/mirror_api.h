// MirrorApi: the copies of this host over HTTP, and the door at which logs ask for a cosignature (C2SP tlog-witness; read paths as in
// C2SP tlog-mirror).
//
//   POST /mirror/add-checkpoint             no key is asked: a checkpoint's signature is its authentication
//   GET  /mirror/<origin hash>/checkpoint   with the log's signature and this mirror's cosignature
//   GET  /mirror/<origin hash>/tile/…
// Threads: any; blocks while a mirror copies, at most some seconds.
#pragma once

#include <string_view>
#include <vector>

#include "net/http.h"
#include "store/mirror.h"

namespace beleg::store {

constexpr std::string_view kMirrorPrefix = "/mirror/";
constexpr std::string_view kAddCheckpointPath = "/mirror/add-checkpoint";

class MirrorApi {
 public:
  // The mirrors outlive it.
  explicit MirrorApi(std::vector<Mirror*> mirrors) : mirrors_(std::move(mirrors)) {}

  net::HttpResponse AddCheckpoint(std::string_view body);
  // A path below kMirrorPrefix.
  net::HttpResponse Read(std::string_view path);
  // The mirror of the log whose origin has this hash; nullptr: there is none.
  Mirror* Find(std::string_view origin_hash) const;

 private:
  const std::vector<Mirror*> mirrors_;
};

}  // namespace beleg::store
