// An HTTP handler that answers whole, at once, on the loop's thread: for work that does not block.
#pragma once

#include <functional>

#include "net/http_server.h"

namespace beleg::collector {

net::Handler Inline(std::function<net::HttpResponse(net::HttpRequest&)> answer);

}  // namespace beleg::collector
