#include "net/http_server_state.h"

namespace beleg::net {

HttpResponse HttpServerState::MakeError(int status, std::string message) const {
  if (options.make_error) return options.make_error(status, std::move(message));
  return MakeResponse(status, "text/plain; charset=utf-8", message + "\n");
}

}  // namespace beleg::net
