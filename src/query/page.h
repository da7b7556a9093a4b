// The web page of web/: its files, packed into the program when it was built (cmake/web.cmake), answered from memory.
#pragma once

#include <string_view>

#include "net/http.h"

namespace beleg::query {

// True for "/", "/favicon.svg" and all below "/assets/". These hold no data, so no key is asked for them.
bool IsPagePath(std::string_view path);

// GET of such a path: the file as br, gzip or plain, as Accept-Encoding takes it; 304 when If-None-Match names it; 404.
// Names below /assets/ change with their content, so browsers may keep those for ever.
net::HttpResponse PageAnswer(const net::HttpRequest& request);

}  // namespace beleg::query
