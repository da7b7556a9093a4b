// Handlers that answer whole and at once, on the loop's thread: for work that does not block.
#pragma once

#include <functional>

#include "net/grpc_server.h"
#include "net/http_server.h"

namespace beleg::net {

Handler Inline(std::function<HttpResponse(HttpRequest&)> answer);
GrpcHandler Inline(std::function<GrpcReply(GrpcCall)> answer);

}  // namespace beleg::net
